// wire.h: what a message says of itself: the few values that ladders and the comparison of wires need.
#pragma once

#include <string>
#include <string_view>

namespace lockstep::order {

struct Wire {
  bool is_sip = false;
  bool is_response = false;
  int status = 0;
  std::string method;  // Of a response: of its CSeq.
  std::string start_line;
  std::string request_uri;
  std::string via_branch;  // Of the top Via.
  std::string from_tag;
  std::string to_tag;
  std::string from_user;
  std::string to_user;
  std::string reason;  // The Reason header.
  std::string content_type;
  std::string head;  // Start line and header fields, LF line ends.
  std::string body;

  bool is_request(std::string_view name) const { return is_sip && !is_response && method == name; }
  bool is_final() const { return is_response && status >= 200; }
  // "INVITE", "200 INVITE".
  std::string summary() const;
};

Wire read_wire(std::string_view bytes);

}  // namespace lockstep::order
