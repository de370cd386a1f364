// window.h: one call on several workers, event by event. Each worker has its own pools, outbox and engine on
// one segment; a test says who receives what, who works, who flushes, who lets go. What reaches the kernel is
// written down in its order, so a whole window of ORDER.md section 3 is one transcript.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "test/unit/core/worker/engine_fixture.h"

namespace lockstep::test {

class Window : public EngineFixture {
 public:
  // Two phones, A and B, behind one INVITE; `script` otherwise.
  explicit Window(const std::string& script = fork_script(), std::uint32_t workers = 3);
  static std::string fork_script();

  // --- who does what ---
  // The worker takes the datagram from its socket and admits it; works nothing.
  void receive(std::uint32_t worker, const std::string& message);
  // The worker takes the datagram from its socket, and no more; admit() does the rest.
  void take_from_kernel(std::uint32_t worker, const std::string& message);
  void admit(std::uint32_t worker);
  // What the worker owns is worked until its inbox is empty: decided, in its outbox.
  void work(std::uint32_t worker);
  void flush(std::uint32_t worker);
  // Lets go of everything it owns; false if something has come in meanwhile: it still owns that.
  bool release(std::uint32_t worker);
  // All three, until nothing is left, as the worker's loop does it.
  void run(std::uint32_t worker);
  // receive() and run().
  void take(std::uint32_t worker, const std::string& message);
  // The worker dies where it stands; its replacement sends what was decided.
  void replace(std::uint32_t worker);
  // Time passes for all transactions; worker 1 fires what is due, as often as needed.
  void later(std::uint64_t ms);

  // --- messages of the call ---
  static std::string invite(const std::string& call = "call-1");
  static std::string cancel();
  static std::string ack(const std::string& tag);
  static std::string bye(const std::string& tag);
  // Phone 'A', 'B' or 'C' answers its INVITE, or the last other request of `method` that it got.
  std::string answer(char phone, const std::string& status, const std::string& tag = {},
                     const std::string& method = "INVITE") const;

  // --- what reached the kernel, since the last call: "200 INVITE", "CANCEL B", one a line ---
  std::string wire();
  // Takes the INVITE and lets both phones ring; nothing of it is left in wire().
  void ring();

 private:
  struct Seat;
  Seat& seat(std::uint32_t worker) { return *seats_[worker - 1]; }
  void write_down(const std::vector<Sent>& sent);

  std::vector<std::shared_ptr<Seat>> seats_;
  std::vector<Sent> requests_;  // That reached a phone.
  std::string wire_;
};

}  // namespace lockstep::test
