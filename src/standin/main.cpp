// chimerax-standin: behaves like a headless UCSF ChimeraX, for tests and demonstrations on machines that have
// none, and misbehaves on demand by its `sim` commands.
#include "standin/base/crash_report.hpp"
#include "standin/base/home.hpp"
#include "standin/base/options.hpp"
#include "standin/base/settings.hpp"
#include "standin/base/text.hpp"
#include "standin/base/version.hpp"
#include "standin/session/session.hpp"

#include <climits>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <stdexcept>

#include <sys/mman.h>
#include <sysexits.h>
#include <unistd.h>

namespace standin {
namespace {

// ChimeraX finds its tree from its real path, whatever link it was started by.
std::string root_of_this_program() {
    std::string path(PATH_MAX, '\0');
    const ssize_t length = ::readlink("/proc/self/exe", path.data(), path.size());
    path.resize(length > 0 ? static_cast<std::size_t>(length) : 0);
    path.resize(std::min(path.size(), path.rfind('/')));
    path.resize(std::min(path.size(), path.rfind('/')));
    return path;
}

// Memory that is there from the start, as a real one's. Every page gets content of its own, so that nothing
// merges or compresses it away.
void hold_resident(std::uint64_t bytes) {
    if (bytes == 0)
        return;
    void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        throw std::runtime_error(std::string("cannot hold CHIMERAX_STANDIN_RESIDENT: ") +
                                 std::strerror(errno));
    for (std::uint64_t offset = 0; offset < bytes; offset += 4096)
        std::memcpy(static_cast<char*>(memory) + offset, &offset, sizeof offset);
}

int usage(const std::string& problem) {
    const std::string text = (problem == "help" ? "" : problem + "\n") +
                             "usage: ChimeraX [--nogui] [--offscreen] [--nocolor] [--silent] [--exit] "
                             "[--version] [--cmd COMMAND]... [FILE]...\n" +
                             kWhatThisIs + "\n";
    std::fputs(text.c_str(), stderr);
    return EX_USAGE;
}

int run(const std::vector<std::string>& arguments) {
    const std::variant<Options, UsageError> parsed = parse_options(arguments);
    if (const auto* error = std::get_if<UsageError>(&parsed))
        return usage(error->text);
    const Options& options = std::get<Options>(parsed);
    if (options.version) {
        print(std::string("INFO:\nUCSF ChimeraX version: ") + kVersion + "\n");
        return EX_OK;
    }
    if (options.gui) {
        std::fputs("The stand-in has no windows: use --nogui.\n", stderr);
        return EXIT_FAILURE;
    }
    print(std::string(kWhatThisIs) + "\n");
    bool cold = false;
    if (const std::string problem = prepare_home(cold); !problem.empty()) {
        std::fprintf(stderr, "%s\n", problem.c_str());
        return EXIT_FAILURE;
    }
    const Settings settings = settings_from_environment();
    hold_resident(settings.resident);
    if (settings.fail == FailStart::crash)
        std::raise(SIGSEGV);

    // Never destroyed: threads that nobody can stop use it until the process is gone.
    auto* session = new Session(options, settings, root_of_this_program());
    if (cold)
        session->log.note("available bundle cache has not been initialized yet");
    const int status = session->run_all();
    session->python.close();
    return status;
}

} // namespace
} // namespace standin

int main(int argc, char** argv) {
    std::signal(SIGPIPE, SIG_IGN);
    standin::report_crashes();
    int status = EXIT_FAILURE;
    try {
        status = standin::run({argv + 1, argv + argc});
    } catch (const std::exception& error) {
        std::fprintf(stderr, "chimerax-standin: %s\n", error.what());
    }
    std::fflush(nullptr);
    ::_exit(status);
}
