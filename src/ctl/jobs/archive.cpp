#include "ctl/jobs/archive.hpp"

#include "sandbox/base/tar.hpp"

#include <cstdint>
#include <stdexcept>

#include <boost/beast/zlib/deflate_stream.hpp>
#include <boost/crc.hpp>

namespace sandbox::ctl {
namespace {

constexpr std::size_t kMostName = 99;

std::string little_endian(std::uint32_t number) {
    std::string bytes;
    for (int shift = 0; shift < 32; shift += 8)
        bytes += static_cast<char>(number >> shift & 0xff);
    return bytes;
}

} // namespace

std::string make_tar(const std::string& folder, const ArchiveFiles& files,
                     std::chrono::system_clock::time_point time) {
    std::string tar;
    for (const auto& [name, content] : files) {
        const std::string path = folder + "/" + name;
        if (path.size() > kMostName)
            throw std::logic_error("too long a name for the archive: " + path);
        tar += tar_header(path, content.size(), std::chrono::system_clock::to_time_t(time));
        tar += content + tar_padding(content.size());
    }
    return tar + tar_end();
}

std::string gzip(const std::string& bytes) {
    namespace zlib = boost::beast::zlib;
    zlib::deflate_stream stream;
    std::string deflated(stream.upper_bound(bytes.size()) + 64, '\0');
    zlib::z_params data;
    data.next_in = bytes.data();
    data.avail_in = bytes.size();
    data.next_out = deflated.data();
    data.avail_out = deflated.size();
    boost::beast::error_code error;
    stream.write(data, zlib::Flush::finish, error);
    if (error && error != zlib::error::end_of_stream)
        throw std::runtime_error("cannot compress: " + error.message());
    deflated.resize(data.total_out);
    boost::crc_32_type sum;
    sum.process_bytes(bytes.data(), bytes.size());
    return std::string("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03", 10) + deflated +
           little_endian(sum.checksum()) + little_endian(static_cast<std::uint32_t>(bytes.size()));
}

} // namespace sandbox::ctl
