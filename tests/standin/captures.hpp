#pragma once

#include <string>
#include <string_view>
#include <vector>

/// One exchange of a capture file: what was sent, in words, and the bytes that came back.
struct Capture {
    std::string title;
    std::string reply;
};

/// The exchanges of `captures/NAME`.
std::vector<Capture> read_captures(const std::string& name);

/// A reply with all that may differ between two runs replaced: Date, versions, and the given folder and port.
/// A Content-Length that is right for its body becomes `<right>`, a wrong one stays.
std::string mask(std::string reply, const std::string& folder, std::uint16_t port, bool has_body = true);
/// The same for what stands in the captures.
std::string mask_capture(const std::string& reply, bool has_body = true);

std::string replace_all(std::string text, std::string_view from, std::string_view to);

/// Where two texts begin to differ, with what stands there in each; empty when they are equal.
std::string difference(const std::string& seen, const std::string& expected);
