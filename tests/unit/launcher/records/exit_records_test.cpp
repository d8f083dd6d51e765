#include "launcher/records/exit_records.hpp"
#include "sandbox/base/error.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <catch2/catch.hpp>

using namespace sandbox;
using namespace sandbox::launcher;
namespace fs = std::filesystem;

namespace {

struct Folder {
    Folder() {
        std::string name = (fs::temp_directory_path() / "last-words-XXXXXX").string();
        if (::mkdtemp(name.data()) == nullptr)
            throw_errno("mkdtemp");
        path = name;
        fs::create_directory(figures());
        fs::create_directory(logs());
    }
    ~Folder() { fs::remove_all(path); }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    std::string figures() const { return (path / "ended").string(); }
    std::string logs() const { return (path / "logs").string(); }
    void write_log(const std::string& session) const {
        fs::create_directory(path / "logs" / session);
        std::ofstream(path / "logs" / session / "stdout.0") << "last line\n";
    }
    fs::path path;
};

protocol::Ended ended(const std::string& session, std::uint64_t cpu = 7) {
    protocol::Ended words;
    words.session = session;
    words.cpu_microseconds = cpu;
    words.last_step = "stdin";
    return words;
}

/// `aaaaaaaaaaaaaaaa` and so on.
std::string name(std::size_t number) {
    std::string text(16, 'a');
    for (std::size_t place = 16; place-- > 0; number /= 26)
        text[place] = static_cast<char>('a' + number % 26);
    return text;
}

} // namespace

TEST_CASE("last words are told again and again, by the next launcher too, until they are forgotten") {
    const Folder folder;
    {
        ExitRecords words(folder.figures(), folder.logs());
        words.keep(ended(name(1)));
        words.keep(ended(name(2)));
        words.keep(ended(name(1), 9));
        CHECK(words.find(name(1)) == ended(name(1), 9));
        CHECK(words.find(name(2)) == ended(name(2)));
        CHECK_FALSE(words.find(name(3)).has_value());
    }
    ExitRecords words(folder.figures(), folder.logs());
    CHECK(words.sessions().size() == 2);
    CHECK(words.find(name(1)) == ended(name(1), 9));
    words.forget(name(1));
    words.forget(name(3));
    CHECK_FALSE(words.find(name(1)).has_value());
    CHECK(ExitRecords(folder.figures(), folder.logs()).sessions() == std::deque<std::string>{name(2)});
}

TEST_CASE("what is half written is no one's last words") {
    const Folder folder;
    std::ofstream(folder.path / "ended" / ".tmp123") << "{";
    std::ofstream(folder.path / "ended" / name(1)) << "{";
    ExitRecords words(folder.figures(), folder.logs());
    CHECK_FALSE(words.find(name(1)).has_value());
    CHECK_FALSE(fs::exists(folder.path / "ended" / ".tmp123"));
}

TEST_CASE("a manager that forgets nothing does not fill the folder: the oldest go") {
    const Folder folder;
    ExitRecords words(folder.figures(), folder.logs(), 8);
    for (std::size_t i = 0; i < 11; ++i)
        words.keep(ended(name(i)));
    CHECK(words.sessions().size() == 8);
    CHECK_FALSE(words.find(name(2)).has_value());
    CHECK(words.find(name(3)).has_value());
    CHECK_FALSE(fs::exists(folder.path / "ended" / name(2)));
}

TEST_CASE("the log of a session stays as long as its last words, also where a boot took those") {
    const Folder folder;
    ExitRecords words(folder.figures(), folder.logs(), 2);
    for (std::size_t i = 0; i < 4; ++i)
        folder.write_log(name(i));
    words.keep(ended(name(0)));
    words.keep_log(name(1));
    CHECK(words.has(name(1)));
    CHECK_FALSE(words.find(name(1)).has_value());
    CHECK(words.sessions().size() == 2);
    words.keep_log(name(2)); // one too many: the oldest goes
    CHECK_FALSE(fs::exists(folder.logs() + "/" + name(0)));
    words.forget(name(1));
    CHECK_FALSE(fs::exists(folder.logs() + "/" + name(1)));
    CHECK(fs::exists(folder.logs() + "/" + name(2)));
}

TEST_CASE("the log of no other session is removed, whatever name is to be forgotten") {
    const Folder folder;
    ExitRecords words(folder.figures(), folder.logs());
    folder.write_log(name(1));
    words.keep_log(name(2));
    for (const std::string& session : {name(1), std::string(".."), std::string(), "../logs/" + name(1)})
        words.forget(session);
    CHECK(fs::exists(folder.logs() + "/" + name(1)));
}
