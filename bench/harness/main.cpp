// SPDX-License-Identifier: BSL-1.0
#include "harness/harness.hpp"

int main(int argc, char** argv) { return fanout::bench::run(argc, argv); }
