#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

namespace standin {

/// Writes a PNG (W3C PNG, 8 bits a sample, no interlacing) row by row, so that a large picture needs no large
/// memory. Errors are UserError with Python's text.
class PngWriter {
  public:
    PngWriter(std::string path, std::uint32_t width, std::uint32_t height, bool alpha);
    PngWriter(const PngWriter&) = delete;
    PngWriter& operator=(const PngWriter&) = delete;
    ~PngWriter();

    /// 3 or 4 bytes a pixel.
    void row(const std::vector<std::uint8_t>& samples);
    void finish();

  private:
    struct Deflate;
    void chunk(const char* type, const std::uint8_t* data, std::size_t size);
    void compress(const std::uint8_t* data, std::size_t size, bool last);
    [[noreturn]] void fail() const;

    std::string path_;
    std::unique_ptr<std::FILE, int (*)(std::FILE*)> file_;
    std::unique_ptr<Deflate> deflate_;
};

} // namespace standin
