package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// scale is a power of a thousand and its prefix.
type scale struct {
	factor float64
	prefix string
}

var scales = []scale{{1, ""}, {1e3, "k"}, {1e6, "M"}, {1e9, "G"}, {1e12, "T"}}

// scaleOf returns the scale in which x has one to three digits before the point.
func scaleOf(x float64) scale {
	x = significant(math.Abs(x), 4)
	fit := scales[0]
	for _, s := range scales {
		if x >= s.factor {
			fit = s
		}
	}
	return fit
}

// significant rounds x > 0 to a number of digits.
func significant(x float64, digits int) float64 {
	if x == 0 {
		return 0
	}
	unit := math.Pow(10, math.Floor(math.Log10(x))-float64(digits-1))
	return math.Round(x/unit) * unit
}

// quantity formats x in a unit of fitting size, with four digits: 57.36 kW.
func quantity(x float64, unit string) string {
	s := scaleOf(x)
	v := x / s.factor
	decimals := 2
	switch a := significant(math.Abs(v), 4); {
	case a == 0:
		decimals = 0
	case a >= 100:
		decimals = 1
	}
	return fmt.Sprintf("%.*f %s%s", decimals, v, s.prefix, unit)
}

func power(w float64) string   { return quantity(w, "W") }
func energy(wh float64) string { return quantity(wh, "Wh") }

// threeDigits formats x ≥ 0 with three significant digits, and with all those before the point, never with
// an exponent: 1,007 and 0.0123.
func threeDigits(x float64) string {
	if x >= 999.5 {
		return grouped(int64(math.Round(x)))
	}
	rounded, _ := strconv.ParseFloat(strconv.FormatFloat(x, 'g', 3, 64), 64) // reads what it wrote
	return strconv.FormatFloat(rounded, 'f', -1, 64)
}

// grouped formats n with a comma between thousands.
func grouped(n int64) string {
	digits := strconv.FormatInt(n, 10)
	sign := ""
	if n < 0 {
		sign, digits = "-", digits[1:]
	}
	var b strings.Builder
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(d)
	}
	return sign + b.String()
}

// counted formats a number of things.
func counted(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return grouped(n) + " " + many
}

// span formats a length of time: 2 h 20 min.
func span(seconds int64) string {
	var parts []string
	for _, u := range []struct {
		seconds int64
		name    string
	}{{86400, "d"}, {3600, "h"}, {60, "min"}, {1, "s"}} {
		if n := seconds / u.seconds; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, u.name))
			seconds -= n * u.seconds
		}
	}
	return strings.Join(parts, " ")
}
