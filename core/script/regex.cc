// regex.cc: PCRE2 behind regex.h.
#define PCRE2_CODE_UNIT_WIDTH 8
#include "core/script/regex.h"

#include <pcre2.h>

#include <utility>

namespace lockstep::script {
namespace {

// A sane pattern on a SIP message needs a few thousand steps; an exploding one is stopped here.
constexpr std::uint32_t kMatchLimit = 100000;
constexpr std::uint32_t kDepthLimit = 2000;
constexpr std::uint32_t kHeapLimitKib = 1024;
constexpr std::size_t kJitStackStart = 32 * 1024;
constexpr std::size_t kJitStackMax = 512 * 1024;

}  // namespace

struct RegexScratch::Implementation {
  pcre2_match_data* data = pcre2_match_data_create(kGroupMax, nullptr);
  pcre2_match_context* context = pcre2_match_context_create(nullptr);
  pcre2_jit_stack* stack = pcre2_jit_stack_create(kJitStackStart, kJitStackMax, nullptr);

  Implementation() {
    if (context == nullptr) return;
    pcre2_set_match_limit(context, kMatchLimit);
    pcre2_set_depth_limit(context, kDepthLimit);
    pcre2_set_heap_limit(context, kHeapLimitKib);
    if (stack != nullptr) pcre2_jit_stack_assign(context, nullptr, stack);
  }
  ~Implementation() {
    pcre2_match_data_free(data);
    pcre2_match_context_free(context);
    pcre2_jit_stack_free(stack);
  }
  Implementation(const Implementation&) = delete;
  Implementation& operator=(const Implementation&) = delete;
};

RegexScratch::RegexScratch() = default;
RegexScratch::~RegexScratch() = default;

Result<Regex, Regex::Error> Regex::compile(std::string_view pattern, Case letter_case, bool jit) {
  int error = 0;
  PCRE2_SIZE offset = 0;
  std::uint32_t options = PCRE2_DOTALL | PCRE2_DOLLAR_ENDONLY;
  if (letter_case == Case::kInsensitive) options |= PCRE2_CASELESS;
  pcre2_code* code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(), options,
                                   &error, &offset, nullptr);
  if (code == nullptr) {
    PCRE2_UCHAR text[160];
    pcre2_get_error_message(error, text, sizeof(text));
    return Failure{Error{reinterpret_cast<const char*>(text), offset}};
  }
  // Where the system forbids executable memory, this fails and pcre2_match interprets instead.
  if (jit) pcre2_jit_compile(code, PCRE2_JIT_COMPLETE);
  Regex regex;
  regex.pattern_ = pattern;
  regex.code_ = code;
  return regex;
}

Regex::Regex(Regex&& other) noexcept
    : pattern_(std::move(other.pattern_)), code_(std::exchange(other.code_, nullptr)) {}

Regex& Regex::operator=(Regex&& other) noexcept {
  if (this != &other) {
    pcre2_code_free(static_cast<pcre2_code*>(code_));
    pattern_ = std::move(other.pattern_);
    code_ = std::exchange(other.code_, nullptr);
  }
  return *this;
}

Regex::~Regex() { pcre2_code_free(static_cast<pcre2_code*>(code_)); }

int Regex::run(std::string_view subject, RegexScratch& scratch) const {
  if (scratch.implementation_ == nullptr) {
    scratch.implementation_ = std::make_unique<RegexScratch::Implementation>();
  }
  RegexScratch::Implementation& own = *scratch.implementation_;
  if (own.data == nullptr || own.context == nullptr) {
    ++scratch.limit_count_;
    return PCRE2_ERROR_NOMEMORY;
  }
  // An empty view may have no bytes at all, which older libraries refuse.
  const char* bytes = subject.empty() ? "" : subject.data();
  const int result = pcre2_match(static_cast<const pcre2_code*>(code_), reinterpret_cast<PCRE2_SPTR>(bytes),
                                 subject.size(), 0, 0, own.data, own.context);
  if (result < 0 && result != PCRE2_ERROR_NOMATCH) ++scratch.limit_count_;
  return result;
}

bool Regex::matches(std::string_view subject, RegexScratch& scratch) const {
  return run(subject, scratch) >= 0;
}

std::size_t Regex::find(std::string_view subject, RegexScratch& scratch, Group* groups,
                        std::size_t count) const {
  const int result = run(subject, scratch);
  if (result < 0) return 0;
  // 0 says that there are more groups than the match data holds: all of those are set.
  const std::size_t known = result == 0 ? RegexScratch::kGroupMax : static_cast<std::size_t>(result);
  const PCRE2_SIZE* offsets = pcre2_get_ovector_pointer(scratch.implementation_->data);
  for (std::size_t i = 0; i < count; ++i) {
    groups[i] = Group{};
    if (i < known && offsets[2 * i] != PCRE2_UNSET) groups[i] = Group{offsets[2 * i], offsets[2 * i + 1]};
  }
  return known < count ? known : count;
}

}  // namespace lockstep::script
