// The REST server's answers, compared with the captures byte by byte.
#include "captures.hpp"
#include "engine.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>

#include <catch2/catch.hpp>

using namespace std::chrono_literals;

namespace {

// What was sent where the title is not itself a request line.
const std::map<std::string, std::string> kRequests{
    {"POST urlencoded", "POST /run HTTP/1.0\r\nContent-Type: application/x-www-form-urlencoded\r\n"
                        "Content-Length: 15\r\n\r\ncommand=version"},
    {"POST urlencoded + query", "POST /run?command=pwd HTTP/1.0\r\n"
                                "Content-Type: application/x-www-form-urlencoded\r\n"
                                "Content-Length: 15\r\n\r\ncommand=version"},
    {"POST multipart", "POST /run HTTP/1.0\r\nContent-Type: multipart/form-data; boundary=xyz\r\n"
                       "Content-Length: 77\r\n\r\n--xyz\r\nContent-Disposition: form-data; "
                       "name=\"command\"\r\n\r\nversion\r\n--xyz--\r\n"},
    {"POST json", "POST /run HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: 22\r\n\r\n"
                  "{\"command\": \"version\"}"},
    {"log true: version", "GET /run?command=version HTTP/1.0\r\n\r\n"},
    {"log true: foo", "GET /run?command=foo HTTP/1.0\r\n\r\n"},
    {"OPTIONS", "OPTIONS /run HTTP/1.0\r\nOrigin: http://localhost:3000\r\n\r\n"},
    {"OPTIONS bad origin", "OPTIONS /run HTTP/1.0\r\nOrigin: http://evil.example\r\n\r\n"},
    {"GET origin", "GET /run?command=version HTTP/1.0\r\nOrigin: http://localhost:3000\r\n\r\n"},
};

std::string request_for(const Capture& capture, const std::string& folder) {
    const auto known = kRequests.find(capture.title);
    const std::string text = known != kRequests.end() ? known->second : capture.title + " HTTP/1.0\r\n\r\n";
    return replace_all(text, "/srv/tenant", folder);
}

// The scripts that were captured; false where nothing can run them.
bool write_scripts(const std::string& folder) {
    std::ofstream(folder + "/out.py") << "log = session.logger\n"
                                         "log.warning('warn me')\nlog.info('info me')\n"
                                         "log.error('err me')\nlog.bug('bug me')\n";
    std::ofstream(folder + "/err.py") << "from chimerax.core.errors import UserError\n"
                                         "raise UserError(\"user oops\")\n";
    std::ofstream(folder + "/boom.py") << "raise RuntimeError(\"boom <x>\")\n";
    return Engine::is_real() || std::filesystem::exists("/usr/bin/python3");
}

void compare_all(const std::string& file, Engine& engine) {
    engine.wait_ready();
    for (const Capture& capture : read_captures(file)) {
        if (capture.title.find("runscript") != std::string::npos && !write_scripts(engine.folder()))
            continue;
        const std::string request = request_for(capture, engine.folder());
        const bool has_body = !request.starts_with("HEAD");
        INFO(capture.title);
        CHECK(difference(mask(engine.exchange(request), engine.folder(), engine.port(), has_body),
                         mask_capture(capture.reply, has_body))
                  .empty());
    }
}

} // namespace

TEST_CASE("answers under json true are the captured ones") {
    Engine engine("json true");
    compare_all("json_true.txt", engine);
}

TEST_CASE("answers under json false are the captured ones") {
    Engine engine("json false");
    compare_all("json_false.txt", engine);
}

TEST_CASE("answers under log true are the captured ones") {
    Engine engine("json true log true");
    compare_all("log_true.txt", engine);
}

TEST_CASE("answers under cors true are the captured ones") {
    Engine engine("json true cors true");
    compare_all("cors.txt", engine);
}

TEST_CASE("errors go to stderr in the words of Python's server") {
    Engine engine;
    engine.wait_ready();
    engine.get("/nonexistent");
    engine.exchange("PUT /run HTTP/1.0\r\n\r\n");
    engine.wait_for_error_output("] code 501, message Unsupported method ('PUT')\n");
    CHECK(engine.err().find("127.0.0.1 - - [") != std::string::npos);
    CHECK(engine.err().find("] code 404, message Not Found\n") != std::string::npos);
}

TEST_CASE("a request line of 65,536 bytes is served, one byte more is 414") {
    Engine engine;
    engine.wait_ready();
    const std::string start = "GET /run?command=";
    const std::string end = " HTTP/1.0\r\n";
    const std::string most(65536 - start.size() - end.size(), 'x');
    CHECK(engine.exchange(start + most + end + "\r\n").starts_with("HTTP/1.0 200 OK\r\n"));
    CHECK(engine.exchange(start + most + "x" + end + "\r\n")
              .starts_with("HTTP/1.0 414 Request-URI Too Long\r\n"));
}

TEST_CASE("what is not HTTP gets a page without a header, as HTTP/0.9 has none") {
    Engine engine;
    engine.wait_ready();
    const std::string reply = engine.exchange("HELLO\r\n\r\n");
    CHECK(reply.starts_with("<!DOCTYPE HTML>\n"));
    CHECK(reply.find("<p>Message: Bad request syntax ('HELLO').</p>") != std::string::npos);
    CHECK(engine.get("/cmdline.html").starts_with("HTTP/1.0 200 OK\r\n"));
}

TEST_CASE("the page that proves readiness is 200 and HTML") {
    Engine engine;
    engine.wait_ready();
    const std::string reply = engine.get("/cmdline.html");
    CHECK(reply.starts_with("HTTP/1.0 200 OK\r\n"));
    CHECK(reply.find("\r\nContent-Type: text/html\r\n") != std::string::npos);
    const std::string_view date = std::string_view(reply).substr(reply.find("\r\nDate: ") + 8, 31);
    CHECK(std::string(date).find(", ") == 3); // Mon, 23 Nov 2026 02:09:48 GMT
    CHECK(date.ends_with(" GMT\r\n"));
}

TEST_CASE("an idle connection blocks all requests until it closes") {
    Engine engine;
    engine.wait_ready();
    sandbox::UniqueFd idle = engine.connect();
    CHECK(engine.exchange("GET /cmdline.html HTTP/1.0\r\n\r\n", 300ms) == "<<timed out>>");
    idle.reset();
    CHECK(engine.get("/cmdline.html").starts_with("HTTP/1.0 200 OK\r\n"));
}

TEST_CASE("remotecontrol rest stop is answered, never closed, and nothing is served any more") {
    Engine engine;
    engine.wait_ready();
    const Capture capture = read_captures("rest_stop.txt").front();
    const std::string reply =
        engine.exchange("GET /run?command=remotecontrol%20rest%20stop HTTP/1.0\r\n\r\n", 500ms);
    CHECK(replace_all(reply, "<<timed out>>", "").size() + 13 == reply.size());
    const std::string expected = capture.reply.substr(0, capture.reply.find("\n<<client"));
    CHECK(difference(mask(replace_all(reply, "<<timed out>>", ""), engine.folder(), engine.port()),
                     mask_capture(expected))
              .empty());
    CHECK(engine.exchange("GET /run?command=version HTTP/1.0\r\n\r\n", 500ms) == "<<timed out>>");
}
