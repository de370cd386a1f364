// writer.cc: the parts of Writer that are not hot enough to be inline.
#include "core/sip/writer.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "core/sip/text.h"

namespace lockstep::sip {

Writer& Writer::number(std::uint64_t value) {
  std::array<char, 20> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  return text({digits.data(), static_cast<std::size_t>(end - digits.data())});
}

Writer& Writer::unfolded(std::string_view value) {
  for (;;) {
    const std::size_t line_end = std::min(value.find('\r'), value.find('\n'));
    if (line_end == std::string_view::npos) return text(value);
    std::string_view before = value.substr(0, line_end);
    while (!before.empty() && is_lws(before.back())) before.remove_suffix(1);
    text(before).text(" ");
    value = trim_left(value.substr(line_end));
  }
}

}  // namespace lockstep::sip
