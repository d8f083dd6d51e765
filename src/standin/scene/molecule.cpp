#include "standin/scene/molecule.hpp"

#include "standin/base/text.hpp"

#include <array>
#include <cstdlib>
#include <utility>

namespace standin {
namespace {

// Columns count from 1, as in the format's description.
std::string column(std::string_view line, std::size_t first, std::size_t last) {
    if (line.size() < first)
        return {};
    return std::string(trim(line.substr(first - 1, last - first + 1)));
}

constexpr std::array<std::pair<std::string_view, char>, 20> kAminoAcids{{
    {"ALA", 'A'}, {"ARG", 'R'}, {"ASN", 'N'}, {"ASP", 'D'}, {"CYS", 'C'}, {"GLN", 'Q'}, {"GLU", 'E'},
    {"GLY", 'G'}, {"HIS", 'H'}, {"ILE", 'I'}, {"LEU", 'L'}, {"LYS", 'K'}, {"MET", 'M'}, {"PHE", 'F'},
    {"PRO", 'P'}, {"SER", 'S'}, {"THR", 'T'}, {"TRP", 'W'}, {"TYR", 'Y'}, {"VAL", 'V'},
}};

char letter_of(const std::string& residue) {
    for (const auto& [name, letter] : kAminoAcids)
        if (name == residue)
            return letter;
    return 'X';
}

class PdbReader {
  public:
    explicit PdbReader(Model& model) : model_(model) {}

    /// False: nothing of what follows counts.
    bool line(std::string_view text) {
        const std::string record = column(text, 1, 6);
        if (record == "TITLE")
            title(text);
        else if (record == "ATOM" || record == "HETATM")
            atom(text);
        else if (record == "TER")
            end_polymer();
        return record != "ENDMDL" && record != "END";
    }

  private:
    void title(std::string_view text) {
        const std::string part = column(text, 11, 80);
        if (!model_.title.empty() && !part.empty())
            model_.title += ' ';
        model_.title += part;
    }

    void atom(std::string_view text) {
        if (text.size() < 54)
            return;
        Residue residue{column(text, 18, 20), column(text, 22, 22), column(text, 23, 27), false};
        if (model_.residues.empty() || model_.residues.back().spec() != residue.spec() ||
            model_.residues.back().name != residue.name)
            model_.residues.push_back(std::move(residue));
        Atom atom;
        atom.name = column(text, 13, 16);
        atom.element = column(text, 77, 78);
        if (atom.element.empty())
            atom.element = atom.name.substr(0, 1);
        atom.x = std::strtof(column(text, 31, 38).c_str(), nullptr);
        atom.y = std::strtof(column(text, 39, 46).c_str(), nullptr);
        atom.z = std::strtof(column(text, 47, 54).c_str(), nullptr);
        atom.residue = model_.residues.size() - 1;
        model_.atoms.push_back(std::move(atom));
    }

    // TER ends a polymer: all residues of this chain so far are its own.
    void end_polymer() {
        for (std::size_t i = polymer_start_; i < model_.residues.size(); ++i)
            model_.residues[i].polymer = true;
        polymer_start_ = model_.residues.size();
    }

    Model& model_;
    std::size_t polymer_start_ = 0;
};

} // namespace

std::vector<Chain> Model::chains() const {
    std::vector<Chain> chains;
    for (const Residue& residue : residues) {
        if (!residue.polymer)
            continue;
        if (chains.empty() || chains.back().id != residue.chain)
            chains.push_back({residue.chain, {}, {}});
        chains.back().residues.push_back(&residue);
        chains.back().sequence += letter_of(residue.name);
    }
    return chains;
}

Model read_pdb(std::string text, std::string name) {
    Model model;
    model.name = std::move(name);
    PdbReader reader(model);
    for (std::size_t start = 0; start < text.size();) {
        const std::size_t end = std::min(text.find('\n', start), text.size());
        if (!reader.line(std::string_view(text).substr(start, end - start)))
            break;
        start = end + 1;
    }
    model.source = std::move(text);
    return model;
}

} // namespace standin
