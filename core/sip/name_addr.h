// name_addr.h: ( name-addr / addr-spec ) *( ";" param ): From, To, Contact, Route, Record-Route, Path,
// Refer-To, P-Asserted-Identity and their kin. Spans of the received text.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "core/sip/params.h"
#include "core/sip/uri.h"

namespace lockstep::sip {

struct NameAddr {
  std::string_view text;     // The whole value.
  std::string_view display;  // As received, quotes included; empty when there is none.
  std::string_view uri;      // Without <>.
  ParamList params;          // Header parameters: without <>, everything behind the first ';' is theirs.
  bool has_brackets = false;
  bool is_star = false;  // "*" (Contact in a REGISTER); everything else is empty then.

  // Empty when absent.
  std::string_view tag() const { return params.value("tag"); }
  std::optional<Param> param(std::string_view name) const { return params.find(name); }
  // Thousandths, 0 to 1000; none when absent or malformed.
  std::optional<std::uint16_t> q() const;
  // none when absent or malformed: then RFC 3261 10.2.1.1 leaves it to the registrar.
  std::optional<std::uint32_t> expires() const;
  // From the '<' (or the URI) to the end of the last parameter, without the display name.
  std::string_view text_without_display() const;
};

// `value` is one value, trimmed or not. none: unbalanced quotes or brackets, no URI, or an addr-spec
// with ',' or '?' outside brackets (RFC 3261 20.10). The URI itself is not parsed.
std::optional<NameAddr> parse_name_addr(std::string_view value);

}  // namespace lockstep::sip
