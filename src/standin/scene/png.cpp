#include "standin/scene/png.hpp"

#include "standin/base/command.hpp"

#include <array>
#include <cerrno>
#include <cstring>

#include <zlib.h>

namespace standin {
namespace {

std::array<std::uint8_t, 4> big_endian(std::uint32_t value) {
    return {static_cast<std::uint8_t>(value >> 24), static_cast<std::uint8_t>(value >> 16),
            static_cast<std::uint8_t>(value >> 8), static_cast<std::uint8_t>(value)};
}

} // namespace

struct PngWriter::Deflate {
    z_stream stream{};
    std::array<std::uint8_t, 65536> out{};
};

PngWriter::PngWriter(std::string path, std::uint32_t width, std::uint32_t height, bool alpha)
    : path_(std::move(path)),
      file_(std::fopen(path_.c_str(), "wbe"), &std::fclose),
      deflate_(std::make_unique<Deflate>()) {
    if (!file_)
        fail();
    if (deflateInit(&deflate_->stream, Z_BEST_SPEED) != Z_OK)
        throw UserError("zlib does not start");
    constexpr std::array<std::uint8_t, 8> kSignature{0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};
    std::fwrite(kSignature.data(), 1, kSignature.size(), file_.get());
    std::vector<std::uint8_t> header;
    for (const std::uint32_t value : {width, height}) {
        const auto bytes = big_endian(value);
        header.insert(header.end(), bytes.begin(), bytes.end());
    }
    const std::uint8_t colour_type = alpha ? 6 : 2;
    header.insert(header.end(), {8, colour_type, 0, 0, 0});
    chunk("IHDR", header.data(), header.size());
}

PngWriter::~PngWriter() {
    deflateEnd(&deflate_->stream);
}

void PngWriter::fail() const {
    throw UserError("[Errno " + std::to_string(errno) + "] " + std::strerror(errno) + ": '" + path_ + "'");
}

void PngWriter::chunk(const char* type, const std::uint8_t* data, std::size_t size) {
    const auto* type_bytes = reinterpret_cast<const std::uint8_t*>(type);
    uLong sum = crc32(0, type_bytes, 4);
    if (size != 0) // crc32 takes a null pointer for the wish for its initial value
        sum = crc32(sum, data, static_cast<uInt>(size));
    const auto length = big_endian(static_cast<std::uint32_t>(size));
    const auto check = big_endian(static_cast<std::uint32_t>(sum));
    std::fwrite(length.data(), 1, length.size(), file_.get());
    std::fwrite(type, 1, 4, file_.get());
    if (size != 0)
        std::fwrite(data, 1, size, file_.get());
    std::fwrite(check.data(), 1, check.size(), file_.get());
}

void PngWriter::compress(const std::uint8_t* data, std::size_t size, bool last) {
    z_stream& stream = deflate_->stream;
    stream.next_in = const_cast<Bytef*>(data); // zlib's own missing const
    stream.avail_in = static_cast<uInt>(size);
    do {
        stream.next_out = deflate_->out.data();
        stream.avail_out = static_cast<uInt>(deflate_->out.size());
        deflate(&stream, last ? Z_FINISH : Z_NO_FLUSH);
        if (const std::size_t made = deflate_->out.size() - stream.avail_out; made != 0)
            chunk("IDAT", deflate_->out.data(), made);
    } while (stream.avail_out == 0);
}

void PngWriter::row(const std::vector<std::uint8_t>& samples) {
    const std::uint8_t no_filter = 0;
    compress(&no_filter, 1, false);
    compress(samples.data(), samples.size(), false);
}

void PngWriter::finish() {
    compress(nullptr, 0, true);
    chunk("IEND", nullptr, 0);
    if (std::fflush(file_.get()) != 0 || std::ferror(file_.get()) != 0)
        fail();
}

} // namespace standin
