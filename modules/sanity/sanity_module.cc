// sanity_module.cc: module sanity: what the parser lets pass and a careful proxy refuses all the same. The
// first check that fails decides the answer; the answer is left in last_error too, for sanity_reply() and
// sl_reply_error().
#include "core/base/log.h"
#include "core/sip/text.h"
#include "core/worker/export_helpers.h"
#include "core/worker/module.h"
#include "core/worker/request_edit.h"

namespace lockstep::sanity {
namespace {

using script::Arguments;
using worker::ScriptContext;

// Bits of msg_checks. 8 and 16 (Via version, Via protocol) are part of what makes a Via parse.
constexpr std::int64_t kRequestVersion = 1;
constexpr std::int64_t kRequestScheme = 2;
constexpr std::int64_t kRequiredHeaders = 4;
constexpr std::int64_t kViaVersion = 8;
constexpr std::int64_t kViaProtocol = 16;
constexpr std::int64_t kCSeqMethod = 32;
constexpr std::int64_t kCSeqValue = 64;
constexpr std::int64_t kContentLength = 128;
constexpr std::int64_t kExpires = 256;
constexpr std::int64_t kProxyRequire = 512;
constexpr std::int64_t kUris = 1024;
constexpr std::int64_t kDigest = 2048;
constexpr std::int64_t kDuplicateTags = 4096;
constexpr std::int64_t kAuthorization = 8192;
constexpr std::int64_t kViaHeader = 16384;

// Bits of uri_checks.
constexpr std::int64_t kRequestUri = 1;
constexpr std::int64_t kFromUri = 2;
constexpr std::int64_t kToUri = 4;
constexpr std::int64_t kContactUri = 8;

using Problem = std::optional<worker::LastError>;
constexpr Problem bad_request(std::string_view reason) { return worker::LastError{400, reason}; }

Problem check_start_line(const sip::Message& message, std::int64_t checks) {
  if (!message.is_request()) return std::nullopt;
  if ((checks & kRequestVersion) != 0 && !sip::equal_nocase(message.version(), "SIP/2.0")) {
    return worker::LastError{505, "Version Not Supported (R-URI)"};
  }
  if ((checks & kRequestScheme) == 0) return std::nullopt;
  const sip::Uri* uri = message.request_uri();
  if (uri == nullptr || uri->scheme == sip::UriScheme::kOther) {
    return worker::LastError{416, "Unsupported URI Scheme in Request URI"};
  }
  return std::nullopt;
}

Problem check_headers(const sip::Message& message, std::int64_t checks) {
  using sip::HeaderId;
  if ((checks & kRequiredHeaders) != 0) {
    for (const HeaderId id :
         {HeaderId::kVia, HeaderId::kFrom, HeaderId::kTo, HeaderId::kCallId, HeaderId::kCSeq}) {
      if (!message.has(id)) return bad_request("Missing Required Header in Request");
    }
  }
  if ((checks & (kViaVersion | kViaProtocol | kViaHeader)) != 0 && message.top_via() == nullptr) {
    return bad_request("Bad Via1 Header");
  }
  const sip::CSeq* cseq = message.cseq();
  if ((checks & kCSeqValue) != 0 && message.has(HeaderId::kCSeq) && cseq == nullptr) {
    return bad_request("CSeq number is illegal");
  }
  if ((checks & kCSeqMethod) != 0 && message.is_request() && cseq != nullptr &&
      cseq->method_text != message.method_text()) {
    return bad_request("CSeq method does not match request method");
  }
  if ((checks & kExpires) != 0 && message.has(HeaderId::kExpires) && !message.expires().has_value()) {
    return bad_request("Expires value is illegal");
  }
  return std::nullopt;
}

// The bytes behind the header section, whatever Content-Length says of them.
std::size_t bytes_after_headers(const sip::Message& message) {
  std::string_view rest = message.bytes().substr(message.headers_end());
  if (rest.starts_with("\r\n")) return rest.size() - 2;
  return rest.starts_with("\n") ? rest.size() - 1 : rest.size();
}

Problem check_content_length(const sip::Message& message) {
  const std::string_view value = message.value(sip::HeaderId::kContentLength);
  if (value.empty()) return std::nullopt;
  const auto length = sip::parse_number(value, 0xffffffffU);
  if (length.has_value() && *length == bytes_after_headers(message)) return std::nullopt;
  return bad_request("Content-Length mis-match");
}

bool is_uri(const sip::NameAddr* value) { return value != nullptr && sip::parse_uri(value->uri).has_value(); }

Problem check_uris(const sip::Message& message, std::int64_t uris) {
  if ((uris & kRequestUri) != 0 && message.is_request() && message.request_uri() == nullptr) {
    return bad_request("Bad Request URI");
  }
  if ((uris & kFromUri) != 0 && !is_uri(message.from())) return bad_request("Bad From URI");
  if ((uris & kToUri) != 0 && !is_uri(message.to())) return bad_request("Bad To URI");
  if ((uris & kContactUri) == 0) return std::nullopt;
  for (const sip::HeaderValue& value : message.values(sip::HeaderId::kContact)) {
    const auto contact = sip::parse_name_addr(value.text);
    if (!contact.has_value()) return bad_request("Bad Contact URI");
    if (!contact->is_star && !is_uri(&*contact)) return bad_request("Bad Contact URI");
  }
  return std::nullopt;
}

std::size_t count_tags(const sip::NameAddr* value) {
  if (value == nullptr) return 0;
  std::size_t count = 0;
  std::string_view rest = value->params.text();
  while (const auto param = sip::ParamList::next(rest))
    count += sip::equal_nocase(param->name, "tag") ? 1U : 0U;
  return count;
}

Problem check_credentials(const sip::Message& message, std::int64_t checks) {
  using sip::HeaderId;
  if ((checks & kDuplicateTags) != 0) {
    if (count_tags(message.from()) > 1) return bad_request("Multiple From tags");
    if (count_tags(message.to()) > 1) return bad_request("Multiple To tags");
  }
  for (const HeaderId id : {HeaderId::kAuthorization, HeaderId::kProxyAuthorization}) {
    for (const sip::HeaderField& field : message.fields(id)) {
      const std::size_t space = field.value.find(' ');
      if ((checks & kAuthorization) != 0 && space == std::string_view::npos) {
        return bad_request("Bad Authorization Header");
      }
      if ((checks & kDigest) == 0 || !sip::equal_nocase(field.value.substr(0, space), "Digest")) continue;
      for (const std::string_view name : {"username", "realm", "nonce", "uri", "response"}) {
        if (!worker::digest_param(field.value, name).has_value())
          return bad_request("Invalid digest credentials");
      }
    }
  }
  return std::nullopt;
}

class SanityModule : public worker::Module {
 public:
  SanityModule() {
    exports_.name = "sanity";
    exports_.doc = "Checks of a message beyond its parsing, with an error answer.";
    exports_.functions.push_back(worker::make_function(
        "sanity_check", "1: sound; else answered, and -1, or the script ends (autodrop)", worker::kInMessage,
        {worker::int_param("msg_checks"), worker::int_param("uri_checks")},
        [this](ScriptContext& context, const Arguments& arguments) { return check(context, arguments); }, 0));
    exports_.functions.push_back(worker::make_function(
        "sanity_reply", "the answer that sanity_check kept back (noreply)", worker::kInRequestRouteOnly, {},
        [this](ScriptContext& context, const Arguments&) {
          return worker::answer(noreply_ && reply(context));
        }));
    exports_.parameters = {
        worker::int_parameter("default_checks", "msg_checks when none are given", default_checks_, 0, 32767),
        worker::int_parameter("default_msg_checks", "as default_checks", default_checks_, 0, 32767),
        worker::int_parameter("uri_checks", "uri_checks when none are given", uri_checks_, 0, 15),
        worker::int_parameter("default_uri_checks", "as uri_checks", uri_checks_, 0, 15),
        worker::string_parameter("proxy_require", "extensions that Proxy-Require may name", proxy_require_),
        worker::flag_parameter("autodrop", "a failed check ends the script", autodrop_),
        worker::flag_parameter("noreply", "no answer: the script sends it", noreply_),
    };
  }
  const script::ModuleExports& exports() const override { return exports_; }

 private:
  int check(ScriptContext& context, const Arguments& arguments) const {
    const std::int64_t checks = arguments.is_given(0) ? arguments.integer(0) : default_checks_;
    const std::int64_t uris = arguments.is_given(1) ? arguments.integer(1) : uri_checks_;
    const sip::Message& message = context.message;
    Problem problem = check_start_line(message, checks);
    if (!problem) problem = check_headers(message, checks);
    if (!problem && (checks & kContentLength) != 0) problem = check_content_length(message);
    if (!problem && (checks & kProxyRequire) != 0) problem = check_proxy_require(context);
    if (!problem && (checks & kUris) != 0) problem = check_uris(message, uris);
    if (!problem) problem = check_credentials(message, checks);
    if (!problem) return 1;
    LS_LOG(kInfo, "sanity", "message refused: {} {}", problem->status, problem->reason);
    context.last_error = *problem;
    if (!noreply_) reply(context);
    return autodrop_ ? 0 : -1;
  }

  Problem check_proxy_require(ScriptContext& context) const {
    if (!context.message.is_request()) return std::nullopt;
    for (const sip::HeaderValue& value : context.message.values(sip::HeaderId::kProxyRequire)) {
      bool is_supported = false;
      std::string_view rest = proxy_require_;
      for (auto item = sip::next_list_value(rest); !item.empty(); item = sip::next_list_value(rest)) {
        is_supported = is_supported || sip::equal_nocase(item, value.text);
      }
      if (is_supported) continue;
      const auto lines =
          worker::try_join(context, {context.reply_lines, "Unsupported: ", value.text, "\r\n"});
      if (lines.has_value()) context.reply_lines = *lines;
      return worker::LastError{420, "Bad Extension"};
    }
    return std::nullopt;
  }

  static bool reply(ScriptContext& context) {
    if (!context.message.is_request() || context.message.method() == sip::Method::kAck) return false;
    return context.transactions.stateless_reply(context, context.last_error.status,
                                                context.last_error.reason) > 0;
  }

  std::int64_t default_checks_ = 3047;
  std::int64_t uri_checks_ = 7;
  std::string proxy_require_;
  bool autodrop_ = true;
  bool noreply_ = false;
  script::ModuleExports exports_;
};

}  // namespace
}  // namespace lockstep::sanity

LS_MODULE(lockstep::sanity::SanityModule)
