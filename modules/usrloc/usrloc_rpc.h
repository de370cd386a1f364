// usrloc_rpc.h: the ul.* procedures over a LocationTable. Names, parameters and shapes are Kamailio's. They
// run in the control process, which locks buckets and takes slots with its own id, as a worker does.
#pragma once

#include <memory>

#include "core/worker/local_names.h"
#include "core/worker/process.h"
#include "core/worker/rpc.h"
#include "modules/usrloc/location_table.h"

namespace lockstep::usrloc {

class UsrlocRpc {
 public:
  // REQUIRES: `table` and `names` outlive this.
  UsrlocRpc(LocationTable& table, const worker::LocalNames& names) : table_(table), names_(names) {}

  // Before the fork. This object is used by the handlers and must outlive the registry.
  void add_to(worker::RpcRegistry& registry);
  // In the process that answers. REQUIRES: `process` outlives the use of the handlers.
  void set_process(worker::Process& process) { process_ = &process; }

  // An AOR as operators write it, as the table keeps it: cut at '@' or checked for it, in lower case. none: a
  // domain is needed and missing.
  std::optional<std::string> aor_of(std::string_view text) const;

 private:
  struct Dump;

  void dump(const worker::RpcRequest& request, worker::RpcReply& reply);
  void lookup(const worker::RpcRequest& request, worker::RpcReply& reply);
  void add(const worker::RpcRequest& request, worker::RpcReply& reply);
  void remove(const worker::RpcRequest& request, worker::RpcReply& reply);
  void remove_contact(const worker::RpcRequest& request, worker::RpcReply& reply);
  void write_bindings(worker::RpcReply& reply, std::span<const worker::Binding> bindings) const;
  void write_binding(worker::RpcReply& reply, const worker::Binding& binding, std::uint64_t now_s) const;
  worker::StreamState dump_slice(Dump& dump, worker::RpcReply& reply);
  // Table and AOR of the first two parameters; a fault was written when it returns none.
  struct Target {
    worker::DomainIndex domain;
    std::string aor;
  };
  std::optional<Target> target_of(const worker::RpcRequest& request, worker::RpcReply& reply,
                                  std::string_view missing_text) const;

  LocationTable& table_;
  const worker::LocalNames& names_;
  worker::Process* process_ = nullptr;
};

}  // namespace lockstep::usrloc
