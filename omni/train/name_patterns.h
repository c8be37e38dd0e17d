// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Names of parameters and loss terms as a configuration chooses them: patterns with
// stars, and what to say when one matches nothing.
#pragma once

#include <string>
#include <vector>

namespace omni {

// `*` in `pattern` stands for any text; the whole name must match.
[[nodiscard]] bool matches_pattern(const std::string& name, const std::string& pattern);
[[nodiscard]] bool matches_any(
    const std::string& name,
    const std::vector<std::string>& patterns);

// The names (at most `count`) that `pattern` differs least from, by edits of one
// character; numbers between dots count as one name (`layers.*.weight`).
[[nodiscard]] std::vector<std::string> nearest_names(
    const std::string& pattern,
    const std::vector<std::string>& names,
    size_t count = 3);

// Throws ValueError naming the first of `patterns` that matches none of `names`, with
// the nearest ones. `field` is where the patterns stand in the configuration; `what`
// the names are of.
void check_patterns(
    const std::vector<std::string>& patterns,
    const std::vector<std::string>& names,
    const std::string& field,
    const std::string& what);

// The ValueError that check_patterns() throws of one pattern.
[[noreturn]] void fail_unmatched(
    const std::string& pattern,
    const std::vector<std::string>& names,
    const std::string& field,
    const std::string& what);

} // namespace omni
