#pragma once

#include "standin/scene/molecule.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace standin {

struct Picture {
    std::uint32_t width = 1024;
    std::uint32_t height = 768;
    std::uint32_t supersample = 1; ///< samples a pixel in each direction
    bool transparent = false;
};

/// Draws the atoms as shaded balls, seen along z, filling the picture, and saves a PNG.
void save_picture(const std::string& path, const std::vector<Model>& models, const Picture& picture);

} // namespace standin
