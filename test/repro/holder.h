// holder.h: holds workers of a running server at schedule points (core/worker/point_holder.h).
#pragma once

#include <string>

#include "core/worker/point_holder.h"
#include "test/harness/stage.h"

namespace lockstep::harness {

class Holder {
 public:
  // Makes the file in `folder` and tells servers that are started from now on.
  explicit Holder(const std::string& folder);
  ~Holder();
  Holder(const Holder&) = delete;
  Holder& operator=(const Holder&) = delete;

  void hold(unsigned worker, Point point);
  void hold_all(Point point);
  void let_go(unsigned worker);
  void let_go_all();
  bool is_held(unsigned worker) const;
  // The one that is held now; 0: none is.
  unsigned held_worker() const;

 private:
  worker::PointWord* words_ = nullptr;
};

}  // namespace lockstep::harness
