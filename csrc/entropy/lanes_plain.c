// SPDX-License-Identifier: Apache-2.0
#include "model.h"

#define TARGET
#define FIND mll_model_find
#define DECODE mll_lanes_decode_plain
#include "lanes_body.h"
