// SPDX-License-Identifier: Apache-2.0
#define TARGET
#define RECORD mll_record_plain
#include "record_body.h"
