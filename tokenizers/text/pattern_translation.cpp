// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Note [Loops at the end]
// A greedy loop over a group after which nothing follows within the whole alternative
// never gives back an iteration: leaving the loop always succeeds. Made possessive, it
// finds the same match without remembering every iteration, so that a word of ten
// million letters needs no stack. The patterns of SuperBPE vocabularies need this.
#include "tokenizers/text/pattern_translation.h"

#include <vector>

#include "tokenizers/text/pattern_class.h"
#include "tokenizers/text/utf8.h"

namespace omni {
namespace {

constexpr size_t kMaxPatternBytes = 16384;
constexpr int kMaxRepeats = 1000;

class Translator {
 public:
  explicit Translator(std::string_view pattern) : rest_(pattern) {}

  std::string translate() {
    while (!rest_.empty()) {
      step();
    }
    if (!group_begins_.empty()) {
      throw PatternError("a group without its end");
    }
    return std::move(out_);
  }

 private:
  void step() {
    switch (rest_.front()) {
      case '\\':
        escape();
        break;
      case '[':
        begin_atom();
        out_ += take_class(rest_);
        break;
      case '(':
        open_group();
        break;
      case ')':
        close_group();
        break;
      case '*':
      case '+':
      case '?':
        quantify();
        break;
      case '{':
        interval();
        break;
      case '}':
      case ']':
        begin_atom();
        (out_ += '\\') += take(1);
        break;
      default:
        begin_atom();
        out_ += take(first_character(rest_).num_bytes);
    }
  }

  std::string_view take(size_t num_bytes) {
    const std::string_view taken = rest_.substr(0, num_bytes);
    rest_.remove_prefix(num_bytes);
    return taken;
  }

  void begin_atom() {
    atom_begin_ = out_.size();
  }

  void escape() {
    begin_atom();
    const EscapedSet set = take_escaped_set(rest_);
    const char letter = rest_.size() > 1 ? rest_[1] : '\0';
    if (!set.content.empty()) {
      (out_ += set.is_negated ? "[^" : "[") += set.content + "]";
    } else if (letter == 'A' || letter == 'z' || letter == 'Z' || letter == 'R') {
      out_ += take(2);
    } else if (letter == 'b' || letter == 'B') {
      take(2);
      // A word begins or ends here: not PCRE2's own \b, whose words have no marks.
      constexpr std::string_view kWord =
          R"([\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\x{B2}\x{B3}\x{B9}\x{BC}-\x{BE}])";
      const std::string before = "(?<=" + std::string(kWord) + ")";
      const std::string not_before = "(?<!" + std::string(kWord) + ")";
      const std::string after = "(?=" + std::string(kWord) + ")";
      const std::string not_after = "(?!" + std::string(kWord) + ")";
      out_ += letter == 'b'
          ? "(?:" + before + not_after + "|" + not_before + after + ")"
          : "(?:" + before + after + "|" + not_before + not_after + ")";
    } else {
      out_ += take_escaped_character(rest_);
    }
  }

  void open_group() {
    const size_t begin = out_.size();
    static constexpr std::string_view kKinds[] = {"(?:",  "(?=",  "(?!",  "(?>",
                                                  "(?<=", "(?<!", "(?i:", "(?-i:"};
    for (const std::string_view kind : kKinds) {
      if (rest_.starts_with(kind)) {
        group_begins_.push_back(begin);
        out_ += take(kind.size());
        return;
      }
    }
    if (rest_.starts_with("(?m:")) { // Ruby's name for "the dot takes line ends too"
      take(4);
      out_ += "(?s:";
    } else if (rest_.starts_with("(?i)") && out_.empty()) {
      out_ += take(4);
      return;
    } else if (rest_.starts_with("(?<")) {
      const size_t end = rest_.find('>');
      take(end == rest_.npos ? rest_.size() : end + 1);
      out_ += "(?:";
    } else if (rest_.starts_with("(?") || rest_.starts_with("(*")) {
      throw PatternError("the group " + std::string(rest_.substr(0, 4)));
    } else {
      take(1);
      out_ += "(?:"; // nothing refers to what it takes
    }
    group_begins_.push_back(begin);
  }

  void close_group() {
    if (group_begins_.empty()) {
      throw PatternError("a group without its beginning");
    }
    atom_begin_ = group_begins_.back();
    group_begins_.pop_back();
    out_ += take(1);
    const bool is_loop = rest_.starts_with('*') || rest_.starts_with('+');
    if (is_loop && is_at_the_end(rest_.substr(1))) {
      out_ += take(1);
      out_ += '+';
    }
  }

  // Whether only ends of groups follow until the alternative ends.
  [[nodiscard]] bool is_at_the_end(std::string_view rest) const {
    size_t depth = group_begins_.size();
    while (rest.starts_with(')') && depth > 0) {
      --depth;
      rest.remove_prefix(1);
      const bool is_quantified = !rest.empty() &&
          (rest.front() == '*' || rest.front() == '+' || rest.front() == '?');
      rest.remove_prefix(is_quantified ? 1 : 0);
    }
    return depth == 0 && (rest.empty() || rest.front() == '|');
  }

  void quantify() {
    out_ += take(1);
    if (rest_.starts_with('?') || rest_.starts_with('+')) {
      out_ += take(1);
    }
  }

  // {n}, {n,}, {,m} and {n,m}; a brace with anything else is a character.
  void interval() {
    std::string_view scan = rest_.substr(1);
    const auto number = [&scan]() {
      int value = -1;
      while (!scan.empty() && scan.front() >= '0' && scan.front() <= '9') {
        value = std::max(value, 0) * 10 + (scan.front() - '0');
        if (value > kMaxRepeats) {
          throw PatternError("more than " + std::to_string(kMaxRepeats) + " repeats");
        }
        scan.remove_prefix(1);
      }
      return value;
    };
    const int from = number();
    const bool has_comma = scan.starts_with(',');
    scan.remove_prefix(has_comma ? 1 : 0);
    const int to = has_comma ? number() : from;
    if (!scan.starts_with('}') || (from < 0 && to < 0)) {
      begin_atom();
      take(1);
      out_ += "\\{";
      return;
    }
    rest_ = scan.substr(1);
    std::string text = "{" + std::to_string(std::max(from, 0));
    if (has_comma) {
      text += "," + (to < 0 ? std::string() : std::to_string(to));
    }
    out_ += text + "}";
    // After an interval Ruby's + and ? are quantifiers of their own.
    const bool is_lazy = has_comma && rest_.starts_with('?');
    if (is_lazy) {
      out_ += take(1);
    } else if (rest_.starts_with('+') || rest_.starts_with('?')) {
      out_.insert(atom_begin_, "(?:");
      (out_ += ')') += take(1);
    }
  }

  std::string_view rest_;
  std::string out_;
  std::vector<size_t> group_begins_; // of the open groups, in out_
  size_t atom_begin_ = 0; // of what a quantifier would repeat, in out_
};

} // namespace

std::string to_pcre2(std::string_view pattern) {
  if (pattern.size() > kMaxPatternBytes) {
    throw PatternError("a pattern of " + std::to_string(pattern.size()) + " bytes");
  }
  return Translator(pattern).translate();
}

} // namespace omni
