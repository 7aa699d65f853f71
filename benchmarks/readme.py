# SPDX-License-Identifier: Apache-2.0
SUMMARY=""
def configure(p): pass
