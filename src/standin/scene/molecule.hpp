#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace standin {

struct Atom {
    std::string name;
    std::string element;
    float x = 0, y = 0, z = 0;
    std::size_t residue = 0; ///< index into Model::residues
};

struct Residue {
    std::string name;
    std::string chain;
    std::string number; ///< with the insertion code, as 12A
    bool polymer = false;

    std::string spec() const { return "/" + chain + ":" + number; }
};

struct Chain {
    std::string id;
    std::vector<const Residue*> residues; ///< those of its polymer
    std::string sequence;                 ///< one letter each, X for what has none
};

struct Model {
    int id = 0;
    std::string name;  ///< the file's name
    std::string title; ///< TITLE records, joined
    std::vector<Atom> atoms;
    std::vector<Residue> residues;
    std::string color; ///< a name, `bychain`, or empty: by element
    bool surface = false;
    std::string source; ///< the PDB text, for a session file

    std::string spec() const { return "#" + std::to_string(id); }
    std::vector<Chain> chains() const;
};

/// Reads ATOM, HETATM, TER and TITLE of the first model of a PDB file (format 3.3, wwPDB). What cannot be
/// read is left out.
Model read_pdb(std::string text, std::string name);

} // namespace standin
