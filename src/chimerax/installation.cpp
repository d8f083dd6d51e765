#include "sandbox/chimerax/installation.hpp"

#include "sandbox/base/error.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <memory>
#include <string_view>
#include <tuple>

#include <glob.h>
#include <sys/stat.h>
#include <unistd.h>

namespace sandbox::chimerax {
namespace {

enum class Channel { release, techpreview, daily, stand_in };

struct Candidate {
    Installation installation;
    Channel channel = Channel::release;
    std::vector<unsigned long> version; ///< empty when nothing tells it
};

std::vector<std::string> expand(const std::string& pattern) {
    glob_t found{};
    std::vector<std::string> paths;
    if (::glob(pattern.c_str(), 0, nullptr, &found) == 0)
        paths.assign(found.gl_pathv, found.gl_pathv + found.gl_pathc);
    ::globfree(&found);
    return paths;
}

std::string real_path(const std::string& path) {
    const std::unique_ptr<char, decltype(&std::free)> real(::realpath(path.c_str(), nullptr), &std::free);
    return real ? std::string(real.get()) : std::string();
}

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/// The first dotted number of a text: 1, 11, 2 for `ChimeraX_Core-1.11.2.dist-info`.
std::vector<unsigned long> version_in(std::string_view text) {
    std::vector<unsigned long> version;
    std::size_t i = 0;
    while (i < text.size() && !is_digit(text[i]))
        ++i;
    while (i < text.size() && is_digit(text[i])) {
        unsigned long number = 0;
        for (; i < text.size() && is_digit(text[i]); ++i)
            number = std::min(number * 10 + static_cast<unsigned long>(text[i] - '0'), 1'000'000'000UL);
        version.push_back(number);
        if (i + 1 < text.size() && text[i] == '.' && is_digit(text[i + 1]))
            ++i;
    }
    return version;
}

std::string_view last_part(std::string_view path) {
    return path.substr(path.rfind('/') + 1);
}

std::vector<unsigned long> version_of(const std::string& root) {
    if (std::vector<unsigned long> version = version_in(last_part(root)); !version.empty())
        return version;
    // The Debian and RPM trees have no version in their name; the bundle that every ChimeraX has tells it.
    for (const std::string& path :
         expand(root + "/lib/python3*/site-packages/[Cc]himera[Xx]_[Cc]ore-*.dist-info"))
        return version_in(last_part(path));
    return {};
}

bool exists(const std::string& path) {
    struct stat status {};
    return ::stat(path.c_str(), &status) == 0;
}

Channel channel_of(const Installation& installation) {
    const std::string_view name = last_part(installation.root);
    if (installation.stand_in)
        return Channel::stand_in;
    if (name.find("daily") != std::string_view::npos)
        return Channel::daily;
    if (name.find("techpreview") != std::string_view::npos)
        return Channel::techpreview;
    return Channel::release;
}

/// `<root>/bin/ChimeraX` → `<root>`: the program itself finds its tree so, from its real path.
std::string root_of(const std::string& executable) {
    const std::string folder = executable.substr(0, executable.rfind('/'));
    return last_part(folder) == "bin" ? folder.substr(0, folder.rfind('/')) : folder;
}

/// `/opt/chimerax` may be shown to a tenant, `/`, `/home` or `/etc` may not.
bool may_be_shown(const std::string& root) {
    return root == "/usr" || std::count(root.begin(), root.end(), '/') >= 2;
}

std::optional<Installation> look_at(const std::string& path) {
    const std::string executable = real_path(path);
    struct stat status {};
    if (executable.empty() || ::stat(executable.c_str(), &status) != 0 || !S_ISREG(status.st_mode) ||
        (status.st_mode & S_IXOTH) == 0)
        return std::nullopt;
    const std::string root = root_of(executable);
    if (!may_be_shown(root))
        return std::nullopt;
    return Installation{executable, root, exists(root + "/" + kStandInMarker)};
}

/// What a pattern finds may be another program of that name, as a script in /usr/bin: only `bin/ChimeraX` in
/// a tree of its own counts.
bool is_whole_tree(const Installation& installation) {
    return installation.executable == installation.root + "/bin/ChimeraX" && installation.root != "/usr";
}

std::string cure_by(const std::vector<std::string>& patterns) {
    std::string places;
    for (const std::string& pattern : patterns)
        if (pattern.find("chimerax-standin") == std::string::npos)
            places += (places.empty() ? "" : ", ") + pattern;
    return "Install UCSF ChimeraX from https://www.cgl.ucsf.edu/chimerax/download.html; it is looked for "
           "at " +
           places + ". One that is elsewhere is named by `executable` in [chimerax] of the policy.";
}

Installation named_installation(const std::string& path) {
    const std::string executable = real_path(path);
    if (executable.empty())
        throw errno_error(
            errno, "chimerax.executable " + path,
            "Name the program of a ChimeraX that is installed, for example "
            "/usr/lib/ucsf-chimerax/bin/ChimeraX, or leave the field out to have it looked for. "
            "It comes from https://www.cgl.ucsf.edu/chimerax/download.html.");
    struct stat status {};
    if (::stat(executable.c_str(), &status) != 0)
        throw_errno("chimerax.executable " + path);
    if (!S_ISREG(status.st_mode) || (status.st_mode & S_IXOTH) == 0)
        throw Error(Errc::denied, "chimerax.executable " + path + " is not a program that every user may run",
                    "Name ChimeraX's program; sessions run it as users of their own: chmod a+rx.",
                    "chimerax.executable");
    if (!may_be_shown(root_of(executable)))
        throw Error(Errc::invalid_argument,
                    "chimerax.executable " + path + " would show all of " + root_of(executable) +
                        "/ to the sessions",
                    "Install ChimeraX in a folder of its own, as /opt/UCSF/ChimeraX.", "chimerax.executable");
    return *look_at(executable);
}

} // namespace

std::string installation_cure() {
    return cure_by(search_patterns());
}

std::vector<std::string> search_patterns() {
    return {
        "/usr/lib/ucsf-chimerax*/bin/ChimeraX",
        "/usr/libexec/UCSF-ChimeraX*/bin/ChimeraX",
        "/opt/UCSF/ChimeraX*/bin/ChimeraX",
        "/usr/bin/chimerax*",
        "/usr/local/bin/chimerax*",
        "/usr/libexec/chimerax-sandbox/chimerax-standin/bin/ChimeraX",
        "/usr/lib/chimerax-sandbox/chimerax-standin/bin/ChimeraX",
        "/usr/local/libexec/chimerax-sandbox/chimerax-standin/bin/ChimeraX",
    };
}

Installation find_installation(const std::optional<std::string>& executable) {
    return find_installation(executable, search_patterns());
}

Installation find_installation(const std::optional<std::string>& executable,
                               const std::vector<std::string>& patterns) {
    if (executable)
        return named_installation(*executable);

    std::vector<Candidate> candidates;
    for (const std::string& pattern : patterns)
        for (const std::string& path : expand(pattern))
            if (const std::optional<Installation> found = look_at(path); found && is_whole_tree(*found))
                candidates.push_back({*found, channel_of(*found), version_of(found->root)});
    if (candidates.empty()) {
        throw Error(Errc::not_found, "no ChimeraX is installed", cure_by(patterns), "chimerax.executable");
    }
    // Stable: among equals the order of the patterns stands.
    std::stable_sort(candidates.begin(), candidates.end(), [](const Candidate& a, const Candidate& b) {
        return std::tie(a.channel, b.version) < std::tie(b.channel, a.version);
    });
    return candidates.front().installation;
}

std::vector<std::string> command_line(const std::string& executable, std::uint16_t port,
                                      const std::vector<std::string>& extra) {
    std::vector<std::string> argv{executable, "--nogui", "--offscreen", "--nocolor"};
    argv.insert(argv.end(), extra.begin(), extra.end());
    argv.emplace_back("--cmd");
    argv.push_back("remotecontrol rest start port " + std::to_string(port) + " json true");
    return argv;
}

} // namespace sandbox::chimerax
