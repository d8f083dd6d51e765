#pragma once

#include <string>
#include <string_view>

namespace sandbox::api {

/// A session's output, fit for a terminal: control characters but \n and \t, C1 controls included, and bytes
/// that are no UTF-8, become `\xNN`; a backslash stays as it is.
std::string escape_log(std::string_view text);

/// The same for a text that comes in pieces: a character that a piece does not end waits for the next.
class LogText {
  public:
    /// `is_cut`: bytes are missing before the first; what is left there of a character is left out.
    explicit LogText(bool is_cut = false) : is_cut_(is_cut) {}

    std::string add(std::string_view piece);
    /// What still waits: no more will come.
    std::string finish();

  private:
    bool is_cut_;
    std::string unfinished_;
};

} // namespace sandbox::api
