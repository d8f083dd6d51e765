#include "chimerax/python_json.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/chimerax/command_result.hpp"

#include <cstdio>
#include <cstdlib>
#include <memory>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using sandbox::chimerax::parse_command_result;
using sandbox::chimerax::to_strict_json;

namespace {

/// Answers as ChimeraX makes them, one a line: of nested values, with texts that are none elsewhere.
constexpr const char* kCorpus = R"(
import json, random, sys
sys.setrecursionlimit(100000)
random.seed(int(sys.argv[1]))
ODD = ['', '\udce9', 'caf\udce9.pdb', '\ud83d', '\ud83dx', '\ude00\ud83d', '\U0001f600', '\0', '\x7f', '\x85', '\u2028', '"', '\\', '\\u', '\\udce9',
       'NaN', 'Infinity', '[', '{"', '1e400', '\ufeff', '\ufffe', '\uffff', 'a' * 1000, '\n\r\t', '</script>']

def text():
    return ''.join(random.choice(ODD + [chr(random.choice([random.randrange(0x80), random.randrange(0x10000), random.randrange(0x110000)]))])
                   for _ in range(random.randrange(5)))

def value(depth):
    kind = random.randrange(12 if depth > 0 else 9)
    return (lambda: None, lambda: True, lambda: random.randrange(-10, 10), lambda: random.choice([1, -1]) * 10 ** random.randrange(4000),
            lambda: float('nan'), lambda: random.choice([float('inf'), -float('inf')]), lambda: random.random() * 10.0 ** random.randrange(-320, 309),
            text, text, lambda: [value(depth - 1) for _ in range(random.randrange(4))],
            lambda: {text(): value(depth - 1) for _ in range(random.randrange(4))}, lambda: {random.choice([1, '1', None, 2.5, True]): value(depth - 1)})[kind]()

def nested(levels):
    it = text()
    for _ in range(levels):
        it = [it] if random.randrange(2) else {text(): it}
    return it

for number in range(int(sys.argv[2])):
    values = [value(5) for _ in range(random.randrange(4))] + ([nested(random.choice([900, 1000, 1001, 5000]))] if number % 20 == 0 else [])
    error = {'type': text(), 'message': text()} if random.randrange(3) == 0 else None
    plain = random.randrange(2) == 0  # with what is ASCII alone, as ChimeraX does, or without escapes where that can be written
    reply = {'json values': [None if random.randrange(5) == 0 else json.dumps(it) for it in values], 'python values': values,
             'log messages': {level: [text() for _ in range(random.randrange(3))] for level in ('note', 'warning', 'error', 'bug')}, 'error': error}
    line = json.dumps(reply, ensure_ascii=plain)
    sys.stdout.buffer.write(line.encode('utf-8', 'surrogatepass') + b'\n')
)";

std::string output_of(const std::string& command) {
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> pipe(::popen(command.c_str(), "r"), ::pclose);
    std::string text(65536, '\0'), all;
    while (const std::size_t got = std::fread(text.data(), 1, text.size(), pipe.get()))
        all.append(text, 0, got);
    return all;
}

} // namespace

TEST_CASE("JSON stays as it is, also what is none") {
    for (const std::string text : {"", "{\"a\": [1, -2.5e3, true]}", "\"", "\"\\", "\"\\\"", "]]}", "Na",
                                   "-Inf", "\"\\ud83d\\ude00 \xC3\xA9\"", "\"\\u12\"", "-", "1.2.3"})
        CHECK(to_strict_json(text).text == text);
}

TEST_CASE("each of Python's three constants becomes null outside of strings only") {
    CHECK(to_strict_json("[NaN,Infinity,-Infinity]").text == "[null,null,null]");
    CHECK(to_strict_json("\"NaN\\\"NaN\" NaN").text == "\"NaN\\\"NaN\" null");
}

TEST_CASE("the depth is that of the deepest place") {
    CHECK(to_strict_json("7").depth == 0);
    CHECK(to_strict_json("[[], {\"[[[[\": [1]}, []]").depth == 3);
}

TEST_CASE("whatever Python's json.dumps writes is taken, values and log") {
    const char* seed = std::getenv("SANDBOX_TEST_SEED");
    const std::string command =
        std::string("python3 - ") + (seed == nullptr ? "1" : seed) + " 400 <<'EOF'\n" + kCorpus + "EOF\n";
    const std::string corpus = output_of(command);
    std::size_t count = 0;
    for (std::size_t start = 0, end = 0; (end = corpus.find('\n', start)) != std::string::npos;
         start = end + 1) {
        const std::string line = corpus.substr(start, end - start);
        INFO(line.substr(0, 2000));
        ++count;
        const auto result = parse_command_result(line);
        for (const std::string& value : result.values)
            CHECK(nlohmann::json::accept(value));
        for (const auto* list : {&result.note, &result.warning, &result.error_log, &result.bug})
            CHECK_NOTHROW(nlohmann::json(*list).dump()); // valid UTF-8, all of it
    }
    if (count == 0 && std::getenv("SANDBOX_TESTS_MUST_RUN") == nullptr) {
        std::puts("SKIPPED: there is no python3");
        return;
    }
    CHECK(count == 400);
}
