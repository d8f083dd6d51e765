#include "policy/files/layers.hpp"

#include "policy/files/trusted_file.hpp"

namespace sandbox::policy {

Layers layers_of(const PolicyFolders& folders) {
    Layers layers{folders.admin};
    if (!folders.vendor.empty() && folders.vendor != folders.admin)
        layers.push_back(folders.vendor);
    return layers;
}

std::optional<std::size_t> find_layer(const Layers& layers, const std::string& file, Trust trust,
                                      std::size_t from) {
    for (std::size_t i = from; i < layers.size(); ++i)
        if (is_there(layers[i] + "/" + file, trust))
            return i;
    return std::nullopt;
}

std::string layers_text(const Layers& layers) {
    std::string text;
    for (const std::string& layer : layers)
        text += (text.empty() ? "" : " or ") + layer;
    return text;
}

} // namespace sandbox::policy
