// uri_transformations.cc: {uri.*}: the parts of a text that is a URI. A text that is none gives an empty
// result.
#include "core/worker/export_helpers.h"
#include "modules/pv/pv_parts.h"

namespace lockstep::pv {

void add_transformation(script::ModuleExports& exports, const char* class_name, const char* name,
                        const char* doc, TextTransformation apply, std::uint8_t min_count,
                        std::uint8_t max_count) {
  script::TransformationSpec spec;
  spec.class_name = class_name;
  spec.name = name;
  spec.doc = doc;
  spec.min_count = min_count;
  spec.max_count = max_count;
  spec.apply = [apply = std::move(apply)](script::Context& context, const Value& value,
                                          const script::TransformationArguments& arguments) {
    return apply(context, context.text_of(value), arguments);
  };
  exports.transformations.push_back(std::move(spec));
}

namespace {

using script::Context;
using script::TransformationArguments;

// part(const sip::Uri&) -> std::string_view.
template <typename Part>
void add_part(script::ModuleExports& exports, const char* name, const char* doc, Part part) {
  add_transformation(exports, "uri", name, doc,
                     [part](Context&, std::string_view text, const TransformationArguments&) {
                       const auto uri = sip::parse_uri(text);
                       return Value::of_string(uri.has_value() ? part(*uri) : std::string_view());
                     });
}

void add_param(script::ModuleExports& exports, const char* name, const char* doc, const char* param) {
  add_part(exports, name, doc, [param](const sip::Uri& uri) { return uri.params.value(param); });
}

// "sip:user@host[:port]", what names an address of record; `with_port` keeps the port.
Value address_of_record(Context& context, std::string_view text, bool with_user, bool with_port) {
  const auto uri = sip::parse_uri(text);
  if (!uri.has_value() || !uri->is_sip()) return Value::of_string("");
  const bool shows_user = with_user && uri->has_user;
  const auto made =
      worker::try_join(context, {uri->scheme_text, ":", shows_user ? uri->user : "", shows_user ? "@" : "",
                                 with_port ? uri->host_port_text() : uri->host});
  return made.has_value() ? Value::of_string(*made) : Value::null();
}

Value param_of(Context& context, std::string_view text, const TransformationArguments& arguments) {
  const auto uri = sip::parse_uri(text);
  if (!uri.has_value()) return Value::of_string("");
  return Value::of_string(uri->params.value(arguments.string(context, 0)));
}

// The port as a number, 5060 or 5061 where none is given.
Value port_of(Context&, std::string_view text, const TransformationArguments&) {
  const auto uri = sip::parse_uri(text);
  return uri.has_value() ? Value::of_int(uri->effective_port()) : Value::of_string("");
}

// proto:host:port, as sockets are written.
Value socket_of(Context& context, std::string_view text, const TransformationArguments&) {
  const auto uri = sip::parse_uri(text);
  if (!uri.has_value()) return Value::of_string("");
  const Value port = context.make_string(std::int64_t{uri->effective_port()});
  const std::string_view upper = transport_of(*uri);
  char* const lower = context.try_allocate(upper.size());
  if (lower == nullptr) return Value::null();
  for (std::size_t i = 0; i < upper.size(); ++i) lower[i] = sip::lower(upper[i]);
  const auto made = worker::try_join(
      context, {std::string_view(lower, upper.size()), ":", uri->host, ":", context.text_of(port)});
  return made.has_value() ? Value::of_string(*made) : Value::null();
}

}  // namespace

void add_uri_transformations(script::ModuleExports& exports) {
  using sip::Uri;
  add_part(exports, "user", "the user", [](const Uri& uri) { return uri.user; });
  add_part(exports, "host", "the host", [](const Uri& uri) { return uri.host; });
  add_part(exports, "passwd", "the password", [](const Uri& uri) { return uri.password; });
  add_part(exports, "scheme", "the scheme", [](const Uri& uri) { return uri.scheme_text; });
  add_part(exports, "params", "all parameters", [](const Uri& uri) { return uri.params.text(); });
  add_part(exports, "headers", "the headers", [](const Uri& uri) { return uri.headers; });
  add_param(exports, "transport", "the parameter transport", "transport");
  add_param(exports, "ttl", "the parameter ttl", "ttl");
  add_param(exports, "uparam", "the parameter user", "user");
  add_param(exports, "maddr", "the parameter maddr", "maddr");
  add_param(exports, "method", "the parameter method", "method");
  add_param(exports, "r2", "the parameter r2", "r2");
  add_part(exports, "lr", "the parameter lr as written", [](const Uri& uri) {
    const auto lr = uri.param("lr");
    return lr.has_value() ? lr->text() : std::string_view();
  });
  add_transformation(exports, "uri", "port", "the port, or the one that stands for none", port_of);
  add_transformation(exports, "uri", "param", "the value of a parameter", param_of, 1, 1);
  add_transformation(exports, "uri", "tosocket", "proto:host:port", socket_of);
  add_transformation(exports, "uri", "saor", "scheme:user@host",
                     [](Context& context, std::string_view text, const TransformationArguments&) {
                       return address_of_record(context, text, true, false);
                     });
  add_transformation(exports, "uri", "duri", "scheme:host:port",
                     [](Context& context, std::string_view text, const TransformationArguments&) {
                       return address_of_record(context, text, false, true);
                     });
  add_transformation(exports, "uri", "suri", "scheme:user@host:port",
                     [](Context& context, std::string_view text, const TransformationArguments&) {
                       return address_of_record(context, text, true, true);
                     });
}

}  // namespace lockstep::pv
