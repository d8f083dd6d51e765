// Python scripts: where their output goes, and when; how they end the process.
#include "engine.hpp"
#include "sandbox/base/file.hpp"

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <sys/wait.h>

namespace {

const std::string kLineByLine = "import sys\nsys.stdout.reconfigure(line_buffering=True)\n";

bool has_python() {
    if (Engine::is_real() || std::filesystem::exists("/usr/bin/python3"))
        return true;
    if (std::getenv("SANDBOX_TESTS_MUST_RUN") != nullptr)
        FAIL("there is no /usr/bin/python3");
    std::cout << "SKIPPED: there is no /usr/bin/python3\n";
    return false;
}

/// A command that runs a script with this text.
std::string script(const Engine& engine, const std::string& text, const std::string& name = "job.py") {
    const std::string path = engine.folder() + "/" + name;
    std::ofstream(path) << text;
    return "runscript " + path;
}

nlohmann::json reply(Engine& engine, const std::string& command) {
    return nlohmann::json::parse(engine.run(command));
}

/// An engine whose start folder holds this one script.
Engine::Start with_start_script(const std::filesystem::path& folder, const std::string& text) {
    std::filesystem::create_directory(folder);
    std::ofstream(folder / "start.py") << text;
    Engine::Start start = Engine::usual("json true");
    start.environment["CHIMERAX_START"] = folder;
    return start;
}

class Folder {
  public:
    Folder() { std::filesystem::create_directory(path); }
    ~Folder() { std::filesystem::remove_all(path); }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    const std::filesystem::path path =
        std::filesystem::temp_directory_path() / ("start-" + std::to_string(::getpid()));
};

} // namespace

TEST_CASE("what a script prints stays in Python's buffer until the process ends in order") {
    if (!has_python())
        return;
    Engine engine;
    engine.wait_ready();
    CHECK(reply(engine, script(engine, "print('from the script')\n"))["error"].is_null());
    CHECK(engine.out().find("from the script") == std::string::npos);
    engine.close_stdin();
    engine.wait_exit();
    CHECK(engine.out().find("from the script\n") != std::string::npos);
}

TEST_CASE("a crash loses what a script printed") {
    if (!has_python())
        return;
    Engine engine;
    engine.wait_ready();
    CHECK(engine
              .get("/run?command=" +
                   script(engine, "import os\nprint('lost')\nos.abort()\n").replace(0, 10, "runscript%20"))
              .empty());
    const int status = engine.wait_exit();
    REQUIRE(WIFSIGNALED(status));
    CHECK(WTERMSIG(status) == SIGABRT);
    CHECK(engine.out().find("lost") == std::string::npos);
    CHECK(engine.err().find("Fatal Python error: Aborted") != std::string::npos);
}

TEST_CASE("a start script that asks for it has lines come out one by one") {
    if (!has_python())
        return;
    const Folder folder;
    Engine engine(with_start_script(folder.path, kLineByLine));
    engine.wait_ready();
    reply(engine, script(engine, "import sys\nprint('first')\nprint('other', file=sys.stderr)\n"));
    engine.wait_for_output("first\n");
    engine.wait_for_error_output("other\n");
    engine.run(script(engine, "import os\nprint('last')\nos._exit(3)\n"));
    const int status = engine.wait_exit();
    REQUIRE(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 3);
    CHECK(engine.out().find("last\n") != std::string::npos);
}

TEST_CASE("a script logs into the reply, runs commands, and sees their errors") {
    if (!has_python())
        return;
    Engine engine;
    engine.wait_ready();
    const auto answer =
        reply(engine, script(engine, "from chimerax.core.commands import run\n"
                                     "from chimerax.core.errors import UserError\n"
                                     "session.logger.warning('careful')\n"
                                     "run(session, 'pwd')\n"
                                     "try:\n    run(session, 'nonsense')\n"
                                     "except UserError as error:\n    session.logger.info(str(error))\n"));
    CHECK(answer["error"].is_null());
    CHECK(answer["log messages"]["warning"] == nlohmann::json::array({"careful\n"}));
    const std::string notes = answer["log messages"]["note"].dump();
    CHECK(notes.find(engine.folder()) != std::string::npos);
    CHECK(notes.find("Unknown command: nonsense") != std::string::npos);
}

TEST_CASE("a script can run another one, and what they define is theirs alone") {
    if (!has_python())
        return;
    Engine engine;
    engine.wait_ready();
    const std::string inner = script(engine, "mine = 1\nsession.logger.info('inside')\n", "inner.py");
    const auto answer =
        reply(engine, script(engine, "from chimerax.core.commands import run\nrun(session, '" + inner +
                                         "')\nprint(mine)\n"));
    CHECK(answer["log messages"]["note"].dump().find("inside") != std::string::npos);
    CHECK(answer["error"]["message"].dump().find("NameError: name 'mine' is not defined") !=
          std::string::npos);
}

TEST_CASE("sys.exit() in a script is the command exit") {
    if (!has_python())
        return;
    Engine engine;
    engine.wait_ready();
    CHECK(engine.run(script(engine, "import sys\nsys.exit(3)\n")).empty());
    CHECK(WTERMSIG(engine.wait_exit()) == SIGABRT);
}

TEST_CASE("a script that is not there is the caller's mistake") {
    Engine engine;
    engine.wait_ready();
    CHECK(reply(engine, "runscript /nonexistent.py")["error"]["type"] == "UserError");
}
