#include "node/http/chunk_decoder.h"

#include <algorithm>

#include "common/base/limits.h"
#include "node/http/characters.h"

namespace ferro::node::http {

ChunkDecoder::State ChunkDecoder::feed(std::string_view bytes, BodyBuffer& out, size_t& consumed) {
  consumed = 0;
  while (consumed < bytes.size()) {
    if (expect_ == Expect::data) {
      const size_t size = std::min<uint64_t>(size_, bytes.size() - consumed);
      if (!out.append(bytes.substr(consumed, size))) return State::no_memory;
      consumed += size;
      size_ -= size;
      if (size_ == 0) expect_ = Expect::data_return;
      continue;
    }
    const State state = take(bytes[consumed++]);
    if (state != State::more) return state;
  }
  return State::more;
}

ChunkDecoder::State ChunkDecoder::take(char c) {
  const auto exactly = [&](char wanted, Expect next) {
    expect_ = next;
    return c == wanted ? State::more : State::malformed;
  };
  switch (expect_) {
    case Expect::data_return:
      return exactly('\r', Expect::data_line_feed);
    case Expect::data_line_feed:
      return exactly('\n', Expect::size);
    case Expect::trailer_line_feed:
      return exactly('\n', Expect::trailer);
    case Expect::size_line_feed:
      return c == '\n' ? begin_data() : State::malformed;
    case Expect::last_line_feed:
      return c == '\n' ? State::done : State::malformed;
    default:
      break;
  }
  if (++line_bytes_ > limits::kChunkLineBytesMax) return State::malformed;
  return expect_ >= Expect::trailer ? take_trailer(c) : take_size(c);
}

ChunkDecoder::State ChunkDecoder::take_size(char c) {
  if (expect_ == Expect::extension) {
    if (c == '\r') expect_ = Expect::size_line_feed;
    return c == '\r' || !is_control(c) ? State::more : State::malformed;
  }
  if (const int digit = hex_value(c); digit >= 0 && expect_ != Expect::extension_sign) {
    if ((size_ >> 60) != 0) return State::malformed;
    size_ = (size_ << 4) | static_cast<uint64_t>(digit);
    expect_ = Expect::more_size;
    return State::more;
  }
  if (expect_ == Expect::size) return State::malformed;
  if (c == ';') {
    expect_ = Expect::extension;
  } else if (c == ' ' || c == '\t') {
    expect_ = Expect::extension_sign;
  } else if (c == '\r' && expect_ == Expect::more_size) {
    expect_ = Expect::size_line_feed;
  } else {
    return State::malformed;
  }
  return State::more;
}

ChunkDecoder::State ChunkDecoder::begin_data() {
  line_bytes_ = 0;
  if (size_ > left_in_body_) return State::too_large;
  left_in_body_ -= size_;
  expect_ = size_ == 0 ? Expect::trailer : Expect::data;
  return State::more;
}

// Trailers are checked and forgotten: nothing behind a body may change what its request means.
ChunkDecoder::State ChunkDecoder::take_trailer(char c) {
  if (expect_ == Expect::trailer_value) {
    if (c == '\r') expect_ = Expect::trailer_line_feed;
    return c == '\r' || !is_control(c) ? State::more : State::malformed;
  }
  if (is_token(c)) {
    expect_ = Expect::trailer_name;
  } else if (c == ':' && expect_ == Expect::trailer_name) {
    expect_ = Expect::trailer_value;
  } else if (c == '\r' && expect_ == Expect::trailer) {
    expect_ = Expect::last_line_feed;
  } else {
    return State::malformed;
  }
  return State::more;
}

}  // namespace ferro::node::http
