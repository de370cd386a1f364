// address_variables.cc: where a message came from, where it came in, and by which socket it shall leave.
#include "core/base/log.h"
#include "core/worker/request_edit.h"
#include "modules/pv/pv_parts.h"

namespace lockstep::pv {
namespace {

using worker::ListenSocket;

const ListenSocket* socket_at(const ScriptContext& context, std::uint16_t index) {
  const auto& sockets = context.local_names.sockets();
  return index < sockets.size() ? &sockets[index] : nullptr;
}

Value address_text(ScriptContext& context, const PeerAddress& address) {
  return address.is_set() ? context.make_string(ip_text(address).view()) : Value::null();
}

// "sip:host:port" and, if wanted, the transport.
Value uri_of(ScriptContext& context, std::string_view host, std::uint16_t port, bool with_transport) {
  const bool is_ipv6 = host.find(':') != std::string_view::npos && host.front() != '[';
  const Value digits = context.make_string(std::int64_t{port});
  const auto text =
      worker::try_join(context, {"sip:", is_ipv6 ? "[" : "", host, is_ipv6 ? "]" : "", ":",
                                 context.text_of(digits), with_transport ? ";transport=udp" : ""});
  return text.has_value() ? Value::of_string(*text) : Value::null();
}

void add_source(script::ModuleExports& exports) {
  add_variable(exports, "si", "the source address", [](ScriptContext& context, const VariableRef&) {
    return address_text(context, context.source);
  });
  add_variable(exports, "sp", "the source port", [](ScriptContext& context, const VariableRef&) {
    return context.source.is_set() ? Value::of_int(context.source.port()) : Value::null();
  });
  for (const bool with_transport : {false, true}) {
    add_variable(exports, with_transport ? "sut" : "su", "the source as a URI",
                 [with_transport](ScriptContext& context, const VariableRef&) {
                   if (!context.source.is_set()) return Value::null();
                   return uri_of(context, ip_text(context.source).view(), context.source.port(),
                                 with_transport);
                 });
  }
  for (const char* name : {"pr", "proto"}) {
    add_variable(exports, name, "the transport, in lower case",
                 [](ScriptContext&, const VariableRef&) { return Value::of_string("udp"); });
  }
  add_variable(exports, "af", "the address family, as the system numbers it",
               [](ScriptContext& context, const VariableRef&) {
                 return Value::of_int(context.source.is_ipv6() ? AF_INET6 : AF_INET);
               });
}

// get(ScriptContext&, const ListenSocket&) -> Value, of the socket that the message came in by.
template <typename Get>
void add_receiving(script::ModuleExports& exports, const char* name, const char* doc, Get get) {
  add_variable(exports, name, doc, [get](ScriptContext& context, const VariableRef&) {
    const ListenSocket* socket = socket_at(context, context.socket);
    return socket == nullptr ? Value::null() : get(context, *socket);
  });
}

void add_receiver(script::ModuleExports& exports) {
  add_receiving(exports, "Ri", "the address it came in by",
                [](ScriptContext& context, const ListenSocket& socket) {
                  return address_text(context, socket.address);
                });
  add_receiving(exports, "Rp", "the port it came in by", [](ScriptContext&, const ListenSocket& socket) {
    return Value::of_int(socket.address.port());
  });
  add_receiving(exports, "Rn", "the name of the socket it came in by",
                [](ScriptContext&, const ListenSocket& socket) { return text_or_null(socket.socket_name); });
  add_receiving(exports, "RAi", "the advertised address of that socket",
                [](ScriptContext&, const ListenSocket& socket) { return text_or_null(socket.host); });
  add_receiving(exports, "RAp", "the advertised port of that socket",
                [](ScriptContext&, const ListenSocket& socket) { return Value::of_int(socket.port); });
  for (const bool with_transport : {false, true}) {
    add_receiving(exports, with_transport ? "Rut" : "Ru", "that socket as a URI",
                  [with_transport](ScriptContext& context, const ListenSocket& socket) {
                    return uri_of(context, ip_text(socket.address).view(), socket.address.port(),
                                  with_transport);
                  });
    add_receiving(exports, with_transport ? "RAut" : "RAu", "that socket as advertised, as a URI",
                  [with_transport](ScriptContext& context, const ListenSocket& socket) {
                    return uri_of(context, socket.host, socket.port, with_transport);
                  });
  }
}

std::string_view socket_text(ScriptContext& context, const ListenSocket& socket) {
  const Value uri = uri_of(context, ip_text(socket.address).view(), socket.address.port(), false);
  const auto text =
      uri.is_string() ? worker::try_join(context, {"udp:", uri.text().substr(4)}) : std::nullopt;
  return text.value_or(std::string_view());
}

bool set_forced_socket(ScriptContext& context, const VariableRef&, const Value& value) {
  if (value.is_null()) {
    context.target.socket = worker::kNoSocket;
    return true;
  }
  const std::string_view text = context.text_of(value);
  const std::uint16_t socket = worker::find_socket_text(context.local_names, text);
  if (socket == worker::kNoSocket) {
    LS_LOG(kErr, "pv", "$fs: nothing listens on {}", text);
    return false;
  }
  context.target.socket = socket;
  return true;
}

bool set_forced_socket_name(ScriptContext& context, const VariableRef&, const Value& value) {
  if (value.is_null()) {
    context.target.socket = worker::kNoSocket;
    return true;
  }
  const auto& sockets = context.local_names.sockets();
  const std::string_view name = context.text_of(value);
  for (std::size_t i = 0; i < sockets.size(); ++i) {
    if (name.empty() || !sip::equal_nocase(sockets[i].socket_name, name)) continue;
    context.target.socket = static_cast<std::uint16_t>(i);
    return true;
  }
  LS_LOG(kErr, "pv", "$fsn: no socket is named '{}'", name);
  return false;
}

}  // namespace

void add_address_variables(script::ModuleExports& exports) {
  add_source(exports);
  add_receiver(exports);
  add_writable(
      exports, "fs", "the socket that is forced for sending",
      [](ScriptContext& context, const VariableRef&) {
        const ListenSocket* socket = socket_at(context, context.target.socket);
        return socket == nullptr ? Value::null() : text_or_null(socket_text(context, *socket));
      },
      set_forced_socket);
  add_writable(
      exports, "fsn", "the name of the socket that is forced for sending",
      [](ScriptContext& context, const VariableRef&) {
        const ListenSocket* socket = socket_at(context, context.target.socket);
        return socket == nullptr ? Value::null() : text_or_null(socket->socket_name);
      },
      set_forced_socket_name);
}

}  // namespace lockstep::pv
