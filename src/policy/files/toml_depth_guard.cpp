#include "policy/files/toml_depth_guard.hpp"

#include "sandbox/base/error.hpp"

#include <string_view>

namespace sandbox::policy {
namespace {

constexpr unsigned kMaxDepth = 32;

class Scanner {
  public:
    Scanner(std::string_view text, const std::string& origin) : text_(text), origin_(origin) {}

    void run() {
        while (at_ < text_.size())
            step();
    }

  private:
    void step() {
        const char c = text_[at_];
        switch (c) {
        case '#':
            skip_to_line_end();
            return;
        case '"':
        case '\'':
            skip_string(c);
            return;
        case '[':
        case '{':
            check(++brackets_, "brackets in each other");
            dots_ = 0;
            break;
        case ']':
        case '}':
            if (brackets_ > 0)
                --brackets_;
            dots_ = 0;
            break;
        case '.':
            check(++dots_ + 1, "parts of a key");
            break;
        case '\n':
        case '=':
        case ',':
            dots_ = 0;
            break;
        default:
            break;
        }
        ++at_;
    }

    void skip_to_line_end() {
        const std::size_t end = text_.find('\n', at_);
        at_ = end == std::string_view::npos ? text_.size() : end;
    }

    void skip_string(char quote) {
        const std::string_view three = quote == '"' ? R"(""")" : "'''";
        const bool many_lines = text_.substr(at_).starts_with(three);
        at_ += many_lines ? 3 : 1;
        for (; at_ < text_.size(); ++at_) {
            if (quote == '"' && text_[at_] == '\\') {
                ++at_;
            } else if (many_lines && text_.substr(at_).starts_with(three)) {
                at_ += 3;
                // Up to two more quotes may stand at the end, as part of the text.
                for (unsigned more = 0; more < 2 && at_ < text_.size() && text_[at_] == quote; ++more)
                    ++at_;
                return;
            } else if (!many_lines && (text_[at_] == quote || text_[at_] == '\n')) {
                if (text_[at_] == quote)
                    ++at_;
                return;
            }
        }
    }

    void check(unsigned depth, const char* what) const {
        if (depth <= kMaxDepth)
            return;
        std::size_t line = 1;
        std::size_t column = 1;
        for (const char c : text_.substr(0, at_)) {
            ++column;
            if (c == '\n') {
                ++line;
                column = 1;
            }
        }
        throw Error(Errc::invalid_argument, origin_ + ":" + std::to_string(line) + ":" +
                                                std::to_string(column) + ": more than " +
                                                std::to_string(kMaxDepth) + " " + what);
    }

    std::string_view text_;
    const std::string& origin_;
    std::size_t at_ = 0;
    unsigned brackets_ = 0;
    unsigned dots_ = 0;
};

} // namespace

void check_nesting(const std::string& text, const std::string& origin) {
    Scanner(text, origin).run();
}

} // namespace sandbox::policy
