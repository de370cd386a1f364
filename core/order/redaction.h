// redaction.h: a log without the people in it, to be attached to a ticket: user parts, display names, user
// names of credentials, and the addresses in bodies become user1, Name 1, 192.0.2.1: the same one for the
// same one throughout, so that the call can still be followed.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "core/order/log.h"

namespace lockstep::order {

class Redaction {
 public:
  // One message; what is no SIP is blanked.
  std::string redacted(std::string_view message);
  void apply(Log& log);

 private:
  std::string line(std::string_view text);
  std::string uris(std::string_view text);
  std::string display_names(std::string_view text);
  std::string credentials(std::string text);
  // Users that were met before, where they stand as words of their own.
  std::string words(std::string text);
  std::string body(std::string_view text);
  std::string stand_in(std::map<std::string, std::string, std::less<>>& names, std::string_view name,
                       std::string_view prefix);

  std::map<std::string, std::string, std::less<>> users_;
  std::map<std::string, std::string, std::less<>> names_;
  std::map<std::string, std::string, std::less<>> addresses_;
};

}  // namespace lockstep::order
