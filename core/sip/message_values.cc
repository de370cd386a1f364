// message_values.cc: the accessors of Message: fields by id and name, list values, cached values.
#include "core/sip/message.h"
#include "core/sip/text.h"

namespace lockstep::sip {
namespace {

// Fills `slot` from `parsed` once; returns it, or nullptr when there was nothing good to keep.
template <typename State, typename Value, typename Parse>
const Value* cached(State& state, Value& slot, Parse parse) {
  if (state == State::kNot) {
    const std::optional<Value> parsed = parse();
    state = parsed ? State::kGood : State::kBad;
    if (parsed) slot = *parsed;
  }
  return state == State::kGood ? &slot : nullptr;
}

}  // namespace

std::optional<CSeq> parse_cseq(std::string_view value) {
  std::size_t digits = 0;
  while (digits < value.size() && is_digit(value[digits])) ++digits;
  const auto number = parse_number(value.substr(0, digits), 0x7fffffff);
  if (!number || digits == value.size() || !is_lws(value[digits])) return std::nullopt;
  CSeq cseq;
  cseq.number = *number;
  cseq.method_text = trim(value.substr(digits));
  if (!is_token(cseq.method_text)) return std::nullopt;
  cseq.method = method_of(cseq.method_text);
  return cseq;
}

Message::ValueIterator::ValueIterator(const Message* message, std::uint16_t index)
    : message_(message), index_(index) {
  if (index_ == kNone) return;
  rest_ = message_->fields_[index_].value;
  advance();
}

void Message::ValueIterator::advance() {
  while (index_ != kNone) {
    const std::string_view text = next_list_value(rest_);
    if (!text.empty()) {
      value_ = HeaderValue{text, index_};
      return;
    }
    index_ = message_->fields_[index_].next_same;
    if (index_ != kNone) rest_ = message_->fields_[index_].value;
  }
  value_ = HeaderValue{};
}

const HeaderField* Message::first(HeaderId id) const {
  const std::uint16_t index = first_[static_cast<std::size_t>(id)];
  return index == kNone ? nullptr : &fields_[index];
}

const HeaderField* Message::first(std::string_view name) const {
  const HeaderId id = header_id(name);
  if (id != HeaderId::kOther) return first(id);
  for (const HeaderField& field : fields(HeaderId::kOther)) {
    if (equal_nocase(field.name, name)) return &field;
  }
  return nullptr;
}

Message::FieldRange Message::fields(HeaderId id) const {
  return {FieldIterator(this, first_[static_cast<std::size_t>(id)]), FieldIterator(this, kNone)};
}

std::size_t Message::count(HeaderId id) const {
  std::size_t total = 0;
  for (std::uint16_t i = first_[static_cast<std::size_t>(id)]; i != kNone; i = fields_[i].next_same) ++total;
  return total;
}

Message::ValueRange Message::values(HeaderId id) const {
  return {ValueIterator(this, first_[static_cast<std::size_t>(id)]), ValueIterator(this, kNone)};
}

std::optional<HeaderValue> Message::first_value(HeaderId id) const {
  const ValueRange range = values(id);
  if (range.empty()) return std::nullopt;
  return *range.begin();
}

std::optional<HeaderValue> Message::last_value(HeaderId id) const {
  std::optional<HeaderValue> last;
  for (const HeaderValue& value : values(id)) last = value;
  return last;
}

bool Message::has_token(HeaderId id, std::string_view token) const {
  for (const HeaderValue& value : values(id)) {
    if (equal_nocase(value.text, token)) return true;
  }
  return false;
}

std::string_view Message::value(HeaderId id) const {
  const HeaderField* field = first(id);
  return field == nullptr ? std::string_view{} : field->value;
}

Method Message::method() const {
  if (!is_response()) return method_;
  return cseq() == nullptr ? Method::kOther : cseq()->method;
}

std::string_view Message::method_text() const {
  if (!is_response()) return method_text_;
  return cseq() == nullptr ? std::string_view{} : cseq()->method_text;
}

const Uri* Message::request_uri() const {
  return cached(uri_state_, uri_, [this] { return parse_uri(request_uri_text_); });
}

const Via* Message::top_via() const {
  return cached(via_state_, via_, [this]() -> std::optional<Via> {
    const HeaderField* field = first(HeaderId::kVia);
    if (field == nullptr) return std::nullopt;
    std::string_view rest = field->value;
    return parse_via(next_list_value(rest));
  });
}

const NameAddr* Message::from() const {
  return cached(from_state_, from_, [this] { return parse_name_addr(value(HeaderId::kFrom)); });
}

const NameAddr* Message::to() const {
  return cached(to_state_, to_, [this] { return parse_name_addr(value(HeaderId::kTo)); });
}

const Uri* Message::from_uri() const {
  return cached(from_uri_state_, from_uri_, [this]() -> std::optional<Uri> {
    return from() == nullptr ? std::nullopt : parse_uri(from()->uri);
  });
}

const Uri* Message::to_uri() const {
  return cached(to_uri_state_, to_uri_, [this]() -> std::optional<Uri> {
    return to() == nullptr ? std::nullopt : parse_uri(to()->uri);
  });
}

std::string_view Message::from_tag() const { return from() == nullptr ? std::string_view{} : from()->tag(); }
std::string_view Message::to_tag() const { return to() == nullptr ? std::string_view{} : to()->tag(); }

const CSeq* Message::cseq() const {
  return cached(cseq_state_, cseq_, [this] { return parse_cseq(value(HeaderId::kCSeq)); });
}

std::optional<std::uint32_t> Message::max_forwards() const {
  return parse_number(value(HeaderId::kMaxForwards), 255);
}

std::optional<std::uint32_t> Message::expires() const {
  return parse_delta_seconds(value(HeaderId::kExpires));
}

}  // namespace lockstep::sip
