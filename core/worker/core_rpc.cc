#include "core/worker/core_rpc.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <string>
#include <utility>

#include "core/base/assert.h"

namespace lockstep::worker {

namespace {

#if defined(__x86_64__)
constexpr std::string_view kArchitecture = "x86_64";
#elif defined(__aarch64__)
constexpr std::string_view kArchitecture = "aarch64";
#else
constexpr std::string_view kArchitecture = "unknown";
#endif

void add_procedure(RpcRegistry& registry, std::string name, std::string doc, RpcHandler handler) {
  const bool is_new = registry.add({std::move(name), std::move(doc), std::move(handler)});
  LS_ASSERT(is_new);
}

// "Sun Nov 22 07:17:31 2026"
std::string calendar_text(std::time_t time) {
  std::tm parts{};
  localtime_r(&time, &parts);
  std::array<char, 64> text{};
  const std::size_t bytes = std::strftime(text.data(), text.size(), "%a %b %e %H:%M:%S %Y", &parts);
  return std::string(text.data(), bytes);
}

void on_uptime(const ServerView& server, RpcReply& reply) {
  const std::time_t now = std::time(nullptr);
  reply.begin_struct();
  reply.add("now", calendar_text(now));
  reply.add("up_since", calendar_text(server.started_at()));
  reply.add("uptime", static_cast<std::int64_t>(now - server.started_at()));
  reply.end();
}

void on_ps(const ServerView& server, RpcReply& reply) {
  reply.begin_array();
  for (const ProcessInfo& process : server.processes()) {
    reply.add(process.pid);
    reply.add(process.description);
  }
  reply.end();
}

void on_psx(const ServerView& server, RpcReply& reply) {
  reply.begin_array();
  for (const ProcessInfo& process : server.processes()) {
    reply.begin_struct();
    reply.add("IDX", process.index);
    reply.add("PID", process.pid);
    reply.add("DSC", process.description);
    reply.end();
  }
  reply.end();
}

void on_psa(const ServerView& server, RpcReply& reply) {
  reply.begin_array();
  for (const ProcessInfo& process : server.processes()) {
    reply.begin_struct();
    reply.add("index", process.index);
    reply.add("pid", process.pid);
    reply.add("status", 1);
    reply.add("rank", process.rank);
    reply.add("description", process.description);
    reply.add("restarts", process.restarts);
    reply.end();
  }
  reply.end();
}

void on_info(const ServerView& server, RpcReply& reply) {
  reply.begin_struct();
  reply.add("version", fmt::format("lockstep {}", server.version()));
  reply.add("id", "unknown");
  reply.add("compiler", fmt::format("gcc {}.{}.{}", __GNUC__, __GNUC_MINOR__, __GNUC_PATCHLEVEL__));
  reply.add("compiled", "");
  reply.add("flags", "SHM_MMAP, RECVMMSG, SENDMMSG, REUSEPORT, PCRE2_JIT");
  reply.end();
}

// The optional parameter is the unit: b, k, m or g.
void on_shmmem(const ServerView& server, const RpcRequest& request, RpcReply& reply) {
  unsigned shift = 0;
  if (request.has_param(0)) {
    const std::string_view unit = request.string_param(0).value_or("");
    constexpr std::string_view kUnits = "bkmg";
    const std::size_t power = unit.size() == 1 ? kUnits.find(unit.front()) : std::string_view::npos;
    if (power == std::string_view::npos) {
      reply.fault(500, "invalid unit, expected one of b, k, m, g");
      return;
    }
    shift = static_cast<unsigned>(power) * 10;
  }
  const MemoryInfo memory = server.memory();
  const std::uint64_t used = std::max(memory.used_bytes, memory.real_used_bytes);
  reply.begin_struct();
  reply.add("total", memory.total_bytes >> shift);
  reply.add("free", (memory.total_bytes - std::min(used, memory.total_bytes)) >> shift);
  reply.add("used", memory.used_bytes >> shift);
  reply.add("real_used", memory.real_used_bytes >> shift);
  reply.add("max_used", memory.max_used_bytes >> shift);
  reply.add("fragments", memory.fragments);
  reply.end();
}

void on_modules(const ServerView& server, RpcReply& reply) {
  std::vector<std::string> names = server.modules();
  std::reverse(names.begin(), names.end());  // Newest first, as users see it elsewhere.
  reply.begin_array();
  for (const std::string& name : names) reply.add(name);
  reply.end();
}

// The parameters come back with the types they had.
void on_echo(const RpcRequest& request, RpcReply& reply) {
  reply.begin_array();
  for (std::size_t i = 0; i < request.param_count(); ++i) {
    const RpcValue& value = request.param(i);
    if (value.kind == RpcValue::Kind::kString) {
      reply.add(value.text);
    } else {
      reply.add_raw(value.text);
    }
  }
  reply.end();
}

void on_sockets_list(const ServerView& server, RpcReply& reply) {
  reply.begin_array();
  for (const SocketInfo& socket : server.sockets()) {
    reply.begin_struct();
    reply.begin_struct("socket");
    reply.add("proto", socket.proto);
    if (!socket.socket_name.empty()) reply.add("name", socket.socket_name);
    reply.add("address", socket.address);
    reply.add("port", std::to_string(socket.port));
    if (!socket.advertise.empty()) reply.add("advertise", socket.advertise);
    for (const char* const name : {"mcast", "mhomed", "virtual"}) reply.add(name, "no");
    reply.end();
    reply.end();
  }
  reply.end();
}

void on_corex_list_sockets(const ServerView& server, RpcReply& reply) {
  reply.begin_array();
  for (const SocketInfo& socket : server.sockets()) {
    reply.begin_struct();
    reply.add("PROTO", socket.proto);
    reply.add("NAME", socket.name);
    reply.begin_struct("ADDRLIST");
    reply.add("ADDR", socket.address);
    reply.end();
    reply.add("PORT", std::to_string(socket.port));
    for (const char* const name : {"MCAST", "MHOMED", "VIRTUAL"}) reply.add(name, "no");
    reply.add("SOCKNAME", socket.socket_name.empty() ? std::string("-") : socket.socket_name);
    reply.add("ADVERTISE", socket.advertise.empty() ? std::string("-") : socket.advertise);
    reply.end();
  }
  reply.end();
}

void on_aliases_list(const ServerView& server, RpcReply& reply) {
  reply.begin_struct();
  reply.add("myself_callbacks", "no");
  reply.begin_array("aliases");
  for (const AliasInfo& alias : server.aliases()) {
    reply.begin_struct();
    reply.begin_struct("alias");
    reply.add("proto", alias.proto.empty() ? std::string("*") : alias.proto);
    reply.add("address", alias.address);
    reply.add("port", alias.port);
    reply.end();
    reply.end();
  }
  reply.end();
  reply.end();
}

void on_corex_list_aliases(const ServerView& server, RpcReply& reply) {
  reply.begin_array();
  for (const AliasInfo& alias : server.aliases()) {
    reply.begin_struct();
    reply.add("PROTO", alias.proto.empty() ? std::string("*") : alias.proto);
    reply.add("ADDR", alias.address);
    reply.add("PORT", alias.port);
    reply.end();
  }
  reply.end();
}

void on_corex_debug(ServerView& server, const RpcRequest& request, RpcReply& reply) {
  const int old_level = server.log_level();
  if (!request.has_param(0)) {
    reply.begin_struct();
    reply.add("debug", old_level);
    reply.end();
    return;
  }
  const auto level = request.int_param(0);
  if (!level || *level < -5 || *level > 9) {
    reply.fault(400, "the level must be a number from -5 (alert) to 3 (debug)");
    return;
  }
  server.set_log_level(static_cast<int>(*level));
  reply.begin_struct();
  reply.add("old", old_level);
  reply.add("new", static_cast<int>(*level));
  reply.end();
}

void on_method_help(const RpcRegistry& registry, const RpcRequest& request, RpcReply& reply) {
  const auto name = request.string_param(0);
  if (!name) {
    reply.fault(400, "Method Name Expected");
    return;
  }
  const RpcSpec* const spec = registry.find(*name);
  if (spec == nullptr) {
    reply.fault(400, "command not found");
    return;
  }
  reply.add(spec->doc);
}

void on_list_methods(const RpcRegistry& registry, RpcReply& reply) {
  reply.begin_array();
  for (const RpcSpec* const spec : registry.list()) reply.add(spec->name);
  reply.end();
}

void register_socket_rpc(RpcRegistry& registry, ServerView& server) {
  using Request = const RpcRequest&;
  add_procedure(registry, "core.sockets_list", "The sockets the server listens on.",
                [&server](Request, RpcReply& reply) { on_sockets_list(server, reply); });
  add_procedure(registry, "core.aliases_list", "The names the server takes as its own.",
                [&server](Request, RpcReply& reply) { on_aliases_list(server, reply); });
  add_procedure(registry, "corex.list_sockets", "The sockets the server listens on, in corex's shape.",
                [&server](Request, RpcReply& reply) { on_corex_list_sockets(server, reply); });
  add_procedure(registry, "corex.list_aliases", "The names the server takes as its own, in corex's shape.",
                [&server](Request, RpcReply& reply) { on_corex_list_aliases(server, reply); });
  add_procedure(registry, "corex.debug", "Shows the log level of all processes, or sets it: [LEVEL].",
                [&server](Request request, RpcReply& reply) { on_corex_debug(server, request, reply); });
}

}  // namespace

void register_core_rpc(RpcRegistry& registry, ServerView& server) {
  using Request = const RpcRequest&;
  add_procedure(registry, "core.version", "The version of the server.", [&server](Request, RpcReply& reply) {
    reply.add(fmt::format("lockstep {} ({}/linux)", server.version(), kArchitecture));
  });
  add_procedure(registry, "core.uptime", "The time now, the time of the start, and the seconds between them.",
                [&server](Request, RpcReply& reply) { on_uptime(server, reply); });
  add_procedure(registry, "core.ps", "Process ids and descriptions, in turn.",
                [&server](Request, RpcReply& reply) { on_ps(server, reply); });
  add_procedure(registry, "core.psx", "Index, process id and description of each process.",
                [&server](Request, RpcReply& reply) { on_psx(server, reply); });
  add_procedure(registry, "core.psa", "As core.psx, with rank, status and how often it was replaced.",
                [&server](Request, RpcReply& reply) { on_psa(server, reply); });
  add_procedure(registry, "core.info", "The version and how the server was built.",
                [&server](Request, RpcReply& reply) { on_info(server, reply); });
  add_procedure(registry, "core.shmmem", "Use of the shared memory: [UNIT], one of b, k, m, g.",
                [&server](Request request, RpcReply& reply) { on_shmmem(server, request, reply); });
  add_procedure(registry, "core.modules", "The loaded modules, newest first.",
                [&server](Request, RpcReply& reply) { on_modules(server, reply); });
  for (const char* const name : {"core.echo", "jsonrpc.echo"}) {
    add_procedure(registry, name, "Sends the parameters back.", on_echo);
  }
  add_procedure(registry, "system.listMethods", "The names of all procedures.",
                [&registry](Request, RpcReply& reply) { on_list_methods(registry, reply); });
  add_procedure(registry, "system.methodHelp", "What a procedure does, in a line: METHOD.",
                [&registry](Request request, RpcReply& reply) { on_method_help(registry, request, reply); });
  register_socket_rpc(registry, server);
  register_stats_rpc(registry, server);
}

}  // namespace lockstep::worker
