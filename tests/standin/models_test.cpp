// Structures, pictures and session files.
#include "captures.hpp"
#include "engine.hpp"
#include "sandbox/base/file.hpp"

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <set>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <zlib.h>

namespace {

nlohmann::json reply_of(const std::string& title_part) {
    for (const Capture& capture : read_captures("structure_offscreen.txt"))
        if (capture.title.find(title_part) != std::string::npos)
            return nlohmann::json::parse(capture.reply.substr(capture.reply.find("\r\n\r\n") + 4));
    throw std::runtime_error("no capture of " + title_part);
}

/// A made-up file with the captured structure's chains and residues, and as many atoms.
void write_structure(const std::string& path) {
    constexpr int kAtoms = 276;
    const nlohmann::json reply = reply_of("info%20residues");
    const nlohmann::json residues =
        nlohmann::json::parse(reply.at("json values").at(0).get_ref<const std::string&>());
    std::ofstream file(path);
    file << "TITLE     A STRUCTURE FOR TESTS\n";
    int serial = 0;
    std::string chain_before;
    bool water_before = false;
    const int spare = kAtoms - static_cast<int>(residues.size());
    for (const nlohmann::json& residue : residues) {
        const std::string spec = residue.at("spec"); // /A:12
        const std::string name = residue.at("value");
        const std::string chain = spec.substr(1, 1);
        const bool water = name == "HOH";
        if (serial != 0 && !water_before && (water || chain != chain_before))
            file << "TER\n";
        for (int extra = serial == 0 ? spare : 0; extra >= 0; --extra) {
            std::array<char, 96> line{};
            ++serial;
            std::snprintf(line.data(), line.size(),
                          "%-6s%5d  CA  %3s %1s%4s    %8.3f%8.3f%8.3f  1.00 20.00           C",
                          water ? "HETATM" : "ATOM", serial, name.c_str(), chain.c_str(),
                          spec.substr(3).c_str(), serial % 17 * 1.5, serial / 17 * 1.5, serial % 5 * 1.0);
            file << line.data() << "\n";
        }
        chain_before = chain;
        water_before = water;
    }
    file << "END\n";
}

struct Png {
    std::uint32_t width = 0;
    std::uint32_t height = 0;
    int color_type = 0;
    std::vector<std::uint8_t> samples; ///< rows without their filter bytes; only filter 0 is understood
    std::size_t channels() const { return color_type == 6 ? 4 : 3; }
    std::set<std::vector<std::uint8_t>> colors() const {
        std::set<std::vector<std::uint8_t>> result;
        for (std::size_t i = 0; i + channels() <= samples.size(); i += channels())
            result.emplace(samples.begin() + static_cast<std::ptrdiff_t>(i),
                           samples.begin() + static_cast<std::ptrdiff_t>(i + channels()));
        return result;
    }
};

std::uint32_t big_endian(const std::string& data, std::size_t at) {
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < 4; ++i)
        value = value << 8 | static_cast<std::uint8_t>(data.at(at + i));
    return value;
}

// Checks signature, chunk sums and the whole of the image data.
Png read_png(const std::string& path) {
    const std::string data = sandbox::read_file(path);
    REQUIRE(data.starts_with("\x89PNG\r\n\x1a\n"));
    Png png;
    std::string compressed;
    for (std::size_t at = 8; at < data.size();) {
        const std::size_t length = big_endian(data, at);
        const std::string chunk = data.substr(at + 4, 4 + length);
        CHECK(big_endian(data, at + 8 + length) ==
              crc32(0, reinterpret_cast<const Bytef*>(chunk.data()), static_cast<uInt>(chunk.size())));
        if (chunk.starts_with("IHDR")) {
            png.width = big_endian(chunk, 4);
            png.height = big_endian(chunk, 8);
            CHECK(chunk.at(12) == 8);
            png.color_type = chunk.at(13);
        } else if (chunk.starts_with("IDAT")) {
            compressed += chunk.substr(4);
        }
        at += 12 + length;
    }
    const std::size_t row = png.width * png.channels() + 1;
    std::vector<std::uint8_t> raw(row * png.height);
    uLongf size = raw.size();
    REQUIRE(uncompress(raw.data(), &size, reinterpret_cast<const Bytef*>(compressed.data()),
                       compressed.size()) == Z_OK);
    REQUIRE(size == raw.size());
    for (std::size_t y = 0; y < png.height; ++y)
        png.samples.insert(png.samples.end(), raw.begin() + static_cast<std::ptrdiff_t>(y * row + 1),
                           raw.begin() + static_cast<std::ptrdiff_t>((y + 1) * row));
    return png;
}

} // namespace

TEST_CASE("commands about an open structure answer as captured") {
    Engine engine;
    engine.wait_ready();
    write_structure(engine.folder() + "/1a0m.pdb");
    const nlohmann::json opened = nlohmann::json::parse(engine.run("open " + engine.folder() + "/1a0m.pdb"));
    const nlohmann::json expected = reply_of("open%20/srv");
    CHECK(opened.at("json values") == expected.at("json values"));
    CHECK(opened.at("python values") == expected.at("python values"));
    CHECK(opened.at("error").is_null());

    for (const Capture& capture : read_captures("structure_offscreen.txt")) {
        const auto is = [&](std::string_view part) { return capture.title.find(part) != std::string::npos; };
        // Opened above; or they need more chemistry than the stand-in, or the made-up file, has.
        if (is("open%20/srv") || is("select") || is("selection") || is("measure"))
            continue;
        INFO(capture.title);
        const std::string request = replace_all(capture.title, "/srv/tenant", engine.folder());
        const std::string reply =
            mask(engine.exchange(request + " HTTP/1.0\r\n\r\n"), engine.folder(), engine.port());
        if (!Engine::is_real())
            CHECK(difference(reply, mask_capture(capture.reply)).empty());
        else
            CHECK(reply.starts_with("HTTP/1.0 200 OK\r\n"));
    }
    engine.wait_for_output("STATUS:\nChanged 276 atom styles\n");
    CHECK(engine.out().find("STATUS:\nColored 276 atoms, 0 surfaces, 76 residues, and rings\n") !=
          std::string::npos);
}

TEST_CASE("save makes a PNG of the asked size, with the structure in it") {
    Engine engine;
    engine.wait_ready();
    const std::string picture = engine.folder() + "/a.png";
    engine.run("save " + picture + " width 40 height 30");
    const Png empty = read_png(picture);
    CHECK(empty.width == 40);
    CHECK(empty.height == 30);
    if (!Engine::is_real())
        CHECK(empty.colors().size() == 1);

    write_structure(engine.folder() + "/x.pdb");
    engine.run("open " + engine.folder() + "/x.pdb");
    engine.run("save '" + engine.folder() + "/b c.png' width 200 height 150 supersample 3");
    const Png full = read_png(engine.folder() + "/b c.png");
    CHECK(full.width == 200);
    CHECK(full.height == 150);
    if (!Engine::is_real())
        CHECK(full.colors().size() > 20);

    engine.run("save " + picture + " width 64 height 64 transparentBackground true");
    const Png transparent = read_png(picture);
    CHECK(transparent.color_type == 6);
    if (!Engine::is_real())
        CHECK(transparent.colors().count({0, 0, 0, 0}) == 1);
}

TEST_CASE("a picture that cannot be written is the caller's error, with Python's text") {
    Engine engine;
    engine.wait_ready();
    const nlohmann::json reply = nlohmann::json::parse(engine.run("save /nonexistent/a.png"));
    CHECK(reply.at("error").at("message").get<std::string>().find("No such file or directory") !=
          std::string::npos);
}

TEST_CASE("without rendering, a start succeeds and a picture fails") {
    if (Engine::is_real())
        return;
    Engine::Start start = Engine::usual("json true");
    start.environment = {{"CHIMERAX_STANDIN_FAIL", "norender"}};
    Engine engine(start);
    engine.wait_ready();
    CHECK_FALSE(nlohmann::json::parse(engine.run("save a.png")).at("error").is_null());
    CHECK_FALSE(std::filesystem::exists(engine.folder() + "/a.png"));
}

TEST_CASE("a session file carries models and what was kept") {
    if (Engine::is_real())
        return;
    Engine engine;
    engine.wait_ready();
    write_structure(engine.folder() + "/x.pdb");
    engine.run("open x.pdb");
    engine.run("sim set fruit 'apple ; pear'");
    engine.run("color bychain");
    const std::string chains = engine.run("info chains");
    engine.run("save s.cxs");
    engine.run("close");
    engine.run("sim set fruit none");
    CHECK(engine.value("info models") == "[]");
    CHECK(engine.value("open s.cxs") == "{\"model specs\": [\"#1\"]}");
    CHECK(engine.run("info chains") == chains);
    CHECK(engine.value("sim get fruit") == "{\"value\": \"apple ; pear\"}");

    // In another process too, and a damaged file is refused.
    std::filesystem::copy(engine.folder() + "/s.cxs", "/tmp/" + std::to_string(engine.pid()) + ".cxs");
    const std::string moved = "/tmp/" + std::to_string(engine.pid()) + ".cxs";
    Engine other;
    other.wait_ready();
    CHECK(other.value("open " + moved) == "{\"model specs\": [\"#1\"]}");
    std::filesystem::resize_file(moved, std::filesystem::file_size(moved) / 2);
    CHECK(other.run("open " + moved).find("not a session file") != std::string::npos);
    std::filesystem::remove(moved);
}
