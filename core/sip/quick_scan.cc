// quick_scan.cc: quick_call_id(). Looks for a line feed followed by 'c', 'i' or a line end, 16 bytes
// at a time, and reads only those lines. Lines are delimited by the functions that parse() uses.
#include <bit>

#include "core/sip/header.h"
#include "core/sip/message.h"
#include "core/sip/text.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace lockstep::sip {
namespace {

enum class LineKind : std::uint8_t { kOtherLine, kCallIdLine, kEmptyLine };

// What starts at `line`; for a Call-ID its value.
// REQUIRES: line < end.
LineKind look_at(const char* line, const char* end, std::string_view& value) {
  const std::string_view text(line, static_cast<std::size_t>(end - line));
  if (text[0] == '\n' || text.starts_with("\r\n")) return LineKind::kEmptyLine;
  std::size_t at = 0;
  if (lower(text[0]) == 'i') {
    at = 1;
  } else if (starts_with_nocase(text, "call-id")) {
    at = 7;
  } else {
    return LineKind::kOtherLine;
  }
  while (at < text.size() && (text[at] == ' ' || text[at] == '\t')) ++at;
  if (at == text.size() || text[at] != ':') return LineKind::kOtherLine;
  const char* const value_begin = line + at + 1;
  const char* const line_end = folded_line_end(value_begin, end);
  value = trim({value_begin, static_cast<std::size_t>(line_end - value_begin)});
  return LineKind::kCallIdLine;
}

#if defined(__SSE2__)
// Bit i: at[i] is LF and at[i + 1] may start a Call-ID line or be the end of the section.
// REQUIRES: 17 readable bytes.
unsigned candidates(const char* at) {
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
  const __m128i next = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at + 1));
  const __m128i letter = _mm_or_si128(next, _mm_set1_epi8(0x20));
  __m128i wanted =
      _mm_or_si128(_mm_cmpeq_epi8(letter, _mm_set1_epi8('c')), _mm_cmpeq_epi8(letter, _mm_set1_epi8('i')));
  wanted = _mm_or_si128(wanted, _mm_cmpeq_epi8(next, _mm_set1_epi8('\r')));
  wanted = _mm_or_si128(wanted, _mm_cmpeq_epi8(next, _mm_set1_epi8('\n')));
  const __m128i found = _mm_and_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('\n')), wanted);
  return static_cast<unsigned>(_mm_movemask_epi8(found));
}
#endif

}  // namespace

std::optional<std::string_view> quick_call_id(std::string_view datagram) {
  const std::size_t begin = datagram.find_first_not_of("\r\n");
  if (begin == std::string_view::npos) return std::nullopt;
  const char* at = datagram.data() + begin;
  const char* const end = datagram.data() + datagram.size();
  std::string_view value;
  const auto answer = [&value]() -> std::optional<std::string_view> {
    if (value.empty()) return std::nullopt;
    return value;
  };
#if defined(__SSE2__)
  for (; end - at >= 17; at += 16) {
    for (unsigned mask = candidates(at); mask != 0; mask &= mask - 1) {
      if (look_at(at + std::countr_zero(mask) + 1, end, value) != LineKind::kOtherLine) return answer();
    }
  }
#endif
  for (; end - at >= 2; ++at) {
    if (*at == '\n' && look_at(at + 1, end, value) != LineKind::kOtherLine) return answer();
  }
  return std::nullopt;
}

}  // namespace lockstep::sip
