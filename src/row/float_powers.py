#!/usr/bin/env python3
"""Prints the powers of ten that float_text.c multiplies with, by exact integer arithmetic.

Row k holds g = ceil(10^k * 2^-r), where r is chosen so that g has 128 bits: the power itself where it is
exact, else rounded up by less than one unit. The range is what the binary exponents of a double need.
"""
K_MIN, K_MAX = -292, 324
BITS = 128


def significand(k):
    numerator, denominator = (10**k, 1) if k >= 0 else (1, 10**-k)
    r = numerator.bit_length() - denominator.bit_length() - BITS - 1
    while True:
        scaled_up, scaled_by = (numerator << -r, denominator) if r < 0 else (numerator, denominator << r)
        g = -(-scaled_up // scaled_by)
        if g.bit_length() == BITS:
            return g
        r += 1


print("/* Made by float_powers.py. */")
print(f"#define POWER_MIN ({K_MIN})")
print(f"#define POWER_MAX {K_MAX}")
print("static const struct power powers[POWER_MAX - POWER_MIN + 1] = {")
for exponent in range(K_MIN, K_MAX + 1):
    g = significand(exponent)
    print(f"    {{UINT64_C(0x{g >> 64:016x}), UINT64_C(0x{g & (2**64 - 1):016x})}},   /* 1e{exponent} */")
print("};")
