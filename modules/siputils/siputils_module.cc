// siputils_module.cc: module siputils: questions about URIs, numbers and the message, and a few changes of
// URIs. Functions of URIs are in uri_functions.cc.
#include "core/base/log.h"
#include "core/sip/text.h"
#include "core/worker/export_helpers.h"
#include "core/worker/module.h"
#include "core/worker/request_edit.h"
#include "modules/siputils/uri_functions.h"

namespace lockstep::siputils {
namespace {

using script::Arguments;
using worker::answer;
using worker::format_param;
using worker::make_function;
using worker::ScriptContext;

int has_totag(ScriptContext& context, const Arguments&) {
  const sip::NameAddr* to = context.message.to();
  return answer(to != nullptr && !to->tag().empty());
}

int is_user(ScriptContext& context, const Arguments& arguments) {
  const auto user = worker::digest_param(worker::credentials_of(context.message), "username");
  return answer(user.has_value() && *user == arguments.string(0));
}

bool is_local_address(const ScriptContext& context, const PeerAddress& address) {
  for (const worker::ListenSocket& socket : context.local_names.sockets()) {
    if (same_host(socket.address, address)) return true;
  }
  return false;
}

// A request has passed no proxy when it has one Via; a response comes from the far end when our own
// Record-Route is the topmost. With mode 0 the source must be no address of this host.
int is_first_hop(ScriptContext& context, const Arguments& arguments) {
  const sip::Message& message = context.message;
  if (message.is_request()) {
    std::size_t count = 0;
    for (const sip::HeaderValue& value : message.values(sip::HeaderId::kVia))
      count += value.text.empty() ? 0U : 1U;
    return answer(count == 1);
  }
  const auto first = message.first_value(sip::HeaderId::kRecordRoute);
  const auto value = first.has_value() ? sip::parse_name_addr(first->text) : std::nullopt;
  const auto uri = value.has_value() ? sip::parse_uri(value->uri) : std::nullopt;
  if (!uri.has_value() || !context.local_names.is_local(*uri)) return -1;
  if (arguments.integer(0) == 1) return 1;
  return answer(uri->host_kind != sip::HostKind::kName && !is_local_address(context, context.source));
}

// A Contact URI that has this parameter.
int contact_param_check(ScriptContext& context, const Arguments& arguments) {
  const std::string_view name = arguments.string(0);
  for (const sip::HeaderValue& value : context.message.values(sip::HeaderId::kContact)) {
    const auto contact = sip::parse_name_addr(value.text);
    const auto uri = contact.has_value() ? sip::parse_uri(contact->uri) : std::nullopt;
    if (uri.has_value() && uri->param(name).has_value()) return 1;
  }
  return -1;
}

int cmp_hdr_name(ScriptContext&, const Arguments& arguments) {
  const std::string_view a = arguments.string(0);
  const std::string_view b = arguments.string(1);
  const sip::HeaderId id = sip::header_id(a);
  if (id != sip::HeaderId::kOther) return answer(id == sip::header_id(b));
  return answer(sip::equal_nocase(a, b));
}

class SiputilsModule : public worker::Module {
 public:
  SiputilsModule() {
    exports_.name = "siputils";
    exports_.doc = "Questions about URIs, numbers and the message.";
    add_message_functions();
    add_uri_functions(exports_);
    add_number_functions(exports_);
    add_parameters();
  }
  const script::ModuleExports& exports() const override { return exports_; }

 private:
  void add_message_functions() {
    auto& list = exports_.functions;
    list.push_back(make_function("has_totag", "whether To has a tag", worker::kInMessage, {}, has_totag));
    list.push_back(make_function(
        "is_request", "whether the message is a request", script::kAnyRoute, {},
        [](ScriptContext& context, const Arguments&) { return answer(context.message.is_request()); }));
    list.push_back(make_function(
        "is_reply", "whether the message is a response", script::kAnyRoute, {},
        [](ScriptContext& context, const Arguments&) { return answer(context.message.is_response()); }));
    list.push_back(make_function("is_first_hop", "whether no proxy stands between the sender and this server",
                                 worker::kInMessage, {worker::int_param("mode")}, is_first_hop, 0));
    list.push_back(make_function("is_user", "whether the credentials are of this user", worker::kInMessage,
                                 {format_param("user")}, is_user));
    list.push_back(make_function(
        "is_supported", "whether Supported names this option", worker::kInMessage, {format_param("option")},
        [](ScriptContext& context, const Arguments& arguments) {
          return answer(context.message.has_token(sip::HeaderId::kSupported, arguments.string(0)));
        }));
    list.push_back(make_function("contact_param_check", "whether a Contact URI has this parameter",
                                 worker::kInMessage, {format_param("name")}, contact_param_check));
    list.push_back(make_function("cmp_hdr_name", "whether two names are of one header", script::kAnyRoute,
                                 {format_param("a"), format_param("b")}, cmp_hdr_name));
    list.push_back(
        make_function("options_reply", "answers an OPTIONS to this server", worker::kInRequestRouteOnly, {},
                      [this](ScriptContext& context, const Arguments&) { return options_reply(context); }));
  }

  void add_parameters() {
    using worker::string_parameter;
    exports_.parameters = {
        string_parameter("options_accept", "Accept in the answer to OPTIONS", options_accept_),
        string_parameter("options_accept_encoding", "Accept-Encoding in it", options_accept_encoding_),
        string_parameter("options_accept_language", "Accept-Language in it", options_accept_language_),
        string_parameter("options_support", "Supported in it", options_support_),
    };
    for (const char* name : {"contact_flds_separator", "rpid_prefix", "rpid_suffix", "rpid_avp"}) {
      exports_.parameters.push_back(worker::unserved_parameter("siputils", name));
    }
  }

  int options_reply(ScriptContext& context) const {
    const sip::Uri* uri = context.parsed_request_uri();
    if (context.message.method() != sip::Method::kOptions || uri == nullptr || uri->has_user) return -1;
    const auto lines = worker::try_join(
        context,
        {context.reply_lines, "Accept: ", options_accept_, "\r\nAccept-Encoding: ", options_accept_encoding_,
         "\r\nAccept-Language: ", options_accept_language_, "\r\nSupported: ", options_support_, "\r\n"});
    if (!lines.has_value()) return -1;
    const std::string_view before = context.reply_lines;
    context.reply_lines = *lines;
    const int result = context.transactions.stateless_reply(context, 200, "OK");
    context.reply_lines = before;
    return result;
  }

  std::string options_accept_ = "*/*";
  std::string options_accept_encoding_;
  std::string options_accept_language_ = "en";
  std::string options_support_;
  script::ModuleExports exports_;
};

}  // namespace
}  // namespace lockstep::siputils

LS_MODULE(lockstep::siputils::SiputilsModule)
