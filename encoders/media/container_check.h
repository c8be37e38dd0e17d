// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Whether a sound or video file is all there, by the sizes that its own outer structure
// states; of bare AAC and MP3 only the last frame can tell, and one cut off between two
// frames cannot be told from a shorter one. Decoders play what is left of a truncated
// file; a reader of data must say so. Also refuses tables that would make a demuxer
// allocate more than the file can justify. Torch-free.
#pragma once

#include "encoders/media/byte_source.h"
#include "encoders/media/sniff.h"

namespace omni {

// Throws IoError naming what is missing. Reads only headers.
void check_container(ByteSource& source, MediaKind kind, const MediaName& name);

} // namespace omni
