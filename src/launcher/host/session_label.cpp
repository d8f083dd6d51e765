#include "launcher/host/session_label.hpp"

#include "sandbox/base/error.hpp"
#include "sandbox/base/file.hpp"

namespace sandbox::launcher {
namespace {

constexpr std::string_view kLauncher = ":chimerax_sandbox_launcher_t:";
constexpr std::string_view kSession = ":chimerax_session_t:";

/// The pairs in order: 0,1 0,2 1,2 0,3 and so on. A site's slots do not use up 1,024 categories.
std::string categories_of(std::uint32_t slot) {
    std::uint32_t higher = 1;
    while (slot >= higher)
        slot -= higher++;
    return "c" + std::to_string(slot) + ",c" + std::to_string(higher);
}

} // namespace

const std::string& own_label() {
    static const std::string label = [] {
        std::string text;
        try {
            text = read_file("/proc/self/attr/current", 4096);
        } catch (const Error&) {
            // EINVAL: no module has any
        }
        while (text.ends_with('\0') || text.ends_with('\n'))
            text.pop_back();
        return text;
    }();
    return label;
}

std::string session_label(std::string_view launchers, std::uint32_t slot) {
    const std::size_t type = launchers.find(kLauncher);
    if (type == std::string_view::npos)
        return {};
    // Of a range s0-s0:c0.c1023 the lower sensitivity.
    const std::string_view level = launchers.substr(type + kLauncher.size());
    const std::string_view sensitivity = level.substr(0, level.find_first_of("-:"));
    std::string label(launchers.substr(0, type));
    return label.append(kSession).append(sensitivity).append(":").append(categories_of(slot));
}

} // namespace sandbox::launcher
