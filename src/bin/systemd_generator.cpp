// chimerax-sandbox-generator: has the units follow sandboxd.toml, so that there is one file to edit. systemd
// runs it at boot and at each daemon-reload (systemd.generator(7)), before any file system but the root's may
// be there.
#include "sandbox/base/error.hpp"
#include "sandbox/policy/loader.hpp"

#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <string>

namespace {

using namespace sandbox;
namespace fs = std::filesystem;

constexpr const char* kConfig = "/etc/chimerax-sandbox/sandboxd.toml";
constexpr const char* kDropIn = "50-sandboxd-toml.conf";
constexpr const char* kTcpSocket = "chimerax-sandboxd-tcp.socket";

/// A value as systemd.syntax(7) and systemd.unit(5) take it: `%` begins a specifier.
std::string value(const std::string& text) {
    std::string escaped;
    for (const char c : text) {
        if (static_cast<unsigned char>(c) < ' ')
            throw Error(Errc::invalid_argument,
                        std::string(kConfig) + ": a control character in a path or an address");
        escaped += c == '%' ? std::string("%%") : std::string(1, c);
    }
    return escaped;
}

/// One word of a list.
std::string quoted(const std::string& text) {
    std::string escaped = "\"";
    for (const char c : value(text)) {
        if (c == '"' || c == '\\')
            escaped += '\\';
        escaped += c;
    }
    return escaped + "\"";
}

void write(const fs::path& path, const std::string& text) {
    fs::create_directories(path.parent_path());
    std::ofstream file(path);
    file << "# Made of " << kConfig << ".\n" << text;
    file.close();
    if (!file)
        throw Error(Errc::io, "cannot write " + path.string());
}

/// Where `systemctl reload` asks for it.
std::string api_host(const policy::Site& site) {
    return "Environment=" + quoted("SANDBOX_HOST=unix://" + site.listen_unix) + "\n";
}

void write_launcher(const fs::path& folder, const policy::Site& site) {
    write(folder / "chimerax-sandbox-launcher.service.d" / kDropIn, "[Service]\n" + api_host(site));
}

void write_manager(const fs::path& folder, const policy::Site& site) {
    std::string text = "[Service]\n" + api_host(site) + "User=" + value(site.manager_user) +
                       "\nNetworkNamespacePath=" + value(site.run_dir + "/net") +
                       "\nReadWritePaths=" + quoted("-" + site.state_dir + "/manager") + "\n";
    if (!site.listen_tcp.empty())
        text += std::string("Sockets=") + kTcpSocket + "\n\n[Unit]\nAfter=" + kTcpSocket + "\n";
    write(folder / "chimerax-sandboxd.service.d" / kDropIn, text);
}

void write_unix_socket(const fs::path& folder, const policy::Site& site) {
    write(folder / "chimerax-sandboxd.socket.d" / kDropIn,
          "[Socket]\nListenStream=\nListenStream=" + value(site.listen_unix) + "\n");
}

void write_tcp_socket(const fs::path& folder, const policy::Site& site) {
    if (site.listen_tcp.empty())
        return;
    std::string text = "[Unit]\nDescription=API of chimerax-sandbox on TCP\n"
                       "Documentation=man:chimerax-sandbox(7)\nSourcePath=" +
                       std::string(kConfig) + "\nPartOf=chimerax-sandbox.target\n\n[Socket]\n";
    for (const std::string& address : site.listen_tcp)
        text += "ListenStream=" + value(address) + "\n";
    // FreeBind: the address may come with its interface, after the socket.
    text += "FileDescriptorName=api-tcp\nFreeBind=yes\nService=chimerax-sandboxd.service\n";
    write(folder / kTcpSocket, text);
    const fs::path wants = folder / "chimerax-sandbox.target.wants";
    fs::create_directories(wants);
    fs::create_symlink(fs::path("..") / kTcpSocket, wants / kTcpSocket);
}

} // namespace

int main(int argc, char** argv) {
    if (argc != 4) {
        std::fputs("usage: chimerax-sandbox-generator FOLDER EARLY-FOLDER LATE-FOLDER\n"
                   "systemd runs it: `systemctl daemon-reload`.\n",
                   stderr);
        return 2;
    }
    std::error_code ignored;
    if (!fs::exists(kConfig, ignored))
        return 0;
    try {
        const policy::Site site = policy::load_site(kConfig, policy::Trust::root_owned_only);
        write_launcher(argv[1], site);
        write_manager(argv[1], site);
        write_unix_socket(argv[1], site);
        write_tcp_socket(argv[1], site);
        return 0;
    } catch (const Error& error) {
        std::fprintf(stderr, "chimerax-sandbox-generator: %s\n", error.full().c_str());
    } catch (const std::exception& error) {
        std::fprintf(stderr, "chimerax-sandbox-generator: %s\n", error.what());
    }
    return 1;
}
