// message.h: a SIP message as plain text, for the phones of the tests. On purpose it shares nothing with
// core/sip: an oracle that used the parser under test would agree with its mistakes. It reads what a correct
// proxy sends and builds what an ordinary phone sends; speed and malformed input are not its business.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lockstep::harness {

struct Message {
  std::string start_line;
  // Long names, in the order received; values of list headers (Via, Route, Record-Route, Contact, Path,
  // Allow) are split at top-level commas, one entry each.
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;

  bool is_request() const;
  std::string method() const;       // Of a request; of a response: the method in CSeq.
  std::string request_uri() const;  // Empty for a response.
  int status() const;               // 0 for a request.
  std::string reason() const;       // The reason phrase of a response.
  long cseq() const;

  bool has(std::string_view name) const;
  std::string get(std::string_view name) const;  // The first value, or empty.
  std::vector<std::string> all(std::string_view name) const;
  std::string branch() const;  // Of the topmost Via.
  std::string from_tag() const;
  std::string to_tag() const;
  std::string call_id() const { return get("Call-ID"); }

  void add(std::string_view name, std::string value);
  void set(std::string_view name, std::string value);  // Replaces all of that name by one.
  void remove(std::string_view name);
  std::string text() const;     // With a correct Content-Length.
  std::string summary() const;  // "INVITE", "180 INVITE": what the wire logs show.
};

std::optional<Message> parse_message(std::string_view text);

// The URI inside a name-addr or addr-spec value.
std::string uri_in(std::string_view value);
// The value of a parameter after the URI; nullopt if absent, "" if it has no value.
std::optional<std::string> parameter_in(std::string_view value, std::string_view name);
// host and port of a SIP URI without brackets; port 0 if none.
std::pair<std::string, int> host_port_in(std::string_view uri);
// host and port of a Via's sent-by.
std::pair<std::string, int> sent_by_in(std::string_view via);

}  // namespace lockstep::harness
