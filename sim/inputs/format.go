package inputs

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/smatrix-grid/smatrix/twins"
)

// Format says how a file is written. Recordings, sessions, weather and market
// share its keys; the zero value is a CSV in UTF-8 with a header in its first
// line, decimal points and ISO time stamps, oldest row first.
type Format struct {
	Encoding  string // utf-8 | utf-16 | latin-1 | windows-1252; "": UTF-8, or UTF-16 if the file begins with its byte order mark
	Separator string // comma | semicolon | tab | bar; "": the most frequent in the header
	// Header is the line of the header, from 1; "find": the first line that
	// has the column of the time; "none": columns are named 1, 2, 3, …; "": the
	// first line that is not blank.
	Header  string
	Comment string // the mark with which a line of comment begins; "": there are none
	// Totals are words in the column of the time, or in the first column, that
	// mark a row of totals, which is left out. "" is an empty time; a * at the
	// end stands for any text.
	Totals []string
	// Undated says what to do with rows whose time does not begin with a digit, such
	// as units below the header and notes at the end: refuse | leave_out; "" is refuse.
	Undated string
	// Quotes is how quotation marks are written: strict | loose; "" is strict. Loose
	// takes those within a field, as in ="0815", and every row is one line.
	Quotes string

	Missing   []string // words that stand for a missing value, besides an empty field
	Decimal   string   // point | comma; "" is point
	Thousands string   // point | comma | space | apostrophe; "": there is none

	// Date is the form of dates: yyyy, yy, m, mm, mmm (Jan), d and dd with
	// marks between them, such as dd.mm.yyyy; or unix_s or unix_ms, for seconds
	// or milliseconds since 1970. "" is ISO 8601.
	Date        string
	Clock       string // column of the time of day, if the column of the time has the date alone
	Span        string // mark between the two ends of a span that a stamp names, such as " - "; the first is its start
	NewestFirst bool   // rows are in descending order of time
	Year        string // year of all stamps, whatever they say, for months of different years; "": as they say

	Meter string // column that names the meter of a row, in a long table: its columns are its meters
	Value string // column of the values in a long table; "" is the only column left
	Units string // column that names the unit of each row: another than that of the file is refused

	Intervals string // regular | as_they_come; "" is regular
	Reading   string // interval | counter; "" is interval
	// Negative is what a value below 0 means: refuse | export | import. A net
	// meter makes two columns. With export, column a has what was drawn and
	// a-export what was fed in (below 0 in the file); with import, column a has
	// what is above 0 and a-import what is below. "" is refuse.
	Negative  string
	ClipBelow string // values from minus this to 0 are 0, in the unit of the file; "" is 0
	LeaveOut  string // columns that lack more than this share of the file's time are left out, 0 … 1; "": none
}

// Words in the fields of a Format.
const (
	headerFind = "find"
	headerNone = "none"

	dateUnix      = "unix_s"
	dateUnixMilli = "unix_ms"

	intervalsRegular = "regular"
	intervalsAny     = "as_they_come"

	leaveOut    = "leave_out"
	quotesLoose = "loose"

	readingInterval = "interval"
	readingCounter  = "counter"

	negativeRefuse = "refuse"
	negativeExport = "export"
	negativeImport = "import"
)

var (
	formatSeparators = map[string]rune{"comma": ',', "semicolon": ';', "tab": '\t', "bar": '|'}
	formatThousands  = map[string]string{"point": ".", "comma": ",", "space": " \u00a0\u202f\u2009", "apostrophe": "'’"}
	formatEncodings  = []string{"", "utf-8", "utf-16", "latin-1", "windows-1252"}
)

// formatRules are the parsed fields of a Format.
type formatRules struct {
	Format
	separator  rune // 0: find it
	comment    rune // 0: none
	headerLine int  // 0: the first
	decimal    byte
	thousands  string // any of these characters; "" is none
	date       *dateForm
	year       int   // 0: that of the stamps
	leaveOut   int64 // millionths
	leaves     bool
}

// Check returns what is wrong with a Format, without file and line, or nil.
func (f Format) Check() error {
	_, err := f.rules()
	return err
}

// rules parses a Format. The error has no file and line.
func (f Format) rules() (r formatRules, err error) {
	r.Format = f
	word := func(key, is string, allowed ...string) {
		if err == nil && is != "" && !slices.Contains(allowed, is) {
			err = fmt.Errorf("format.%s %q is unknown, wanted %s", key, is, orList(allowed))
		}
	}
	word("encoding", f.Encoding, formatEncodings[1:]...)
	word("separator", f.Separator, "comma", "semicolon", "tab", "bar")
	word("decimal", f.Decimal, "point", "comma")
	word("thousands", f.Thousands, "point", "comma", "space", "apostrophe")
	word("intervals", f.Intervals, intervalsRegular, intervalsAny)
	word("undated", f.Undated, "refuse", leaveOut)
	word("quotes", f.Quotes, "strict", quotesLoose)
	word("reading", f.Reading, readingInterval, readingCounter)
	word("negative", f.Negative, negativeRefuse, negativeExport, negativeImport)
	if err != nil {
		return r, err
	}
	r.separator, r.thousands, r.decimal = formatSeparators[f.Separator], formatThousands[f.Thousands], '.'
	if f.Decimal == "comma" {
		r.decimal = ','
	}
	switch {
	case f.Thousands == "comma" && r.decimal == ',' || f.Thousands == "point" && r.decimal == '.':
		return r, fmt.Errorf("format.thousands %s is the mark of decimals as well, wanted another of the two", f.Thousands)
	case f.Value != "" && f.Meter == "":
		return r, fmt.Errorf("format.value without format.meter, wanted the column that names the meter")
	case f.Clock != "" && (f.Date == dateUnix || f.Date == dateUnixMilli):
		return r, fmt.Errorf("format.clock beside %s, wanted one of them: such a stamp has its time of day", f.Date)
	}
	for _, parse := range []func() error{r.parseHeader, r.parseComment, r.parseDate, r.parseYear, r.parseShare, r.checkClip} {
		if err := parse(); err != nil {
			return r, err
		}
	}
	return r, nil
}

func (r *formatRules) parseHeader() (err error) {
	switch r.Header {
	case "", headerFind, headerNone:
		return nil
	}
	if r.headerLine, err = strconv.Atoi(r.Header); err != nil || r.headerLine < 1 || r.headerLine > mostPreamble {
		return fmt.Errorf("format.header %q is no line, wanted its number from 1 to %d, find or none", r.Header, mostPreamble)
	}
	return nil
}

func (r *formatRules) parseComment() error {
	marks := []rune(r.Comment)
	if len(marks) > 1 || len(marks) == 1 && strings.ContainsRune(",;\t|\" \r\n", marks[0]) {
		return fmt.Errorf("format.comment %q, wanted one character such as #", r.Comment)
	}
	if len(marks) == 1 {
		r.comment = marks[0]
	}
	return nil
}

func (r *formatRules) parseDate() error {
	switch r.Date {
	case "", dateUnix, dateUnixMilli:
		return nil
	}
	form, ok := parseDateForm(r.Date)
	if ok && r.Undated == leaveOut && form.parts[0].width == 3 {
		return fmt.Errorf("format.undated: leave_out beside the date %s, wanted one that begins with a digit", r.Date)
	}
	if !ok {
		return fmt.Errorf("format.date %q is unknown, wanted year, month and day such as dd.mm.yyyy, mm/dd/yyyy or yyyymmdd, or unix_s or unix_ms", r.Date)
	}
	r.date = &form
	return nil
}

func (r *formatRules) parseYear() (err error) {
	if r.Year == "" {
		return nil
	}
	if r.year, err = strconv.Atoi(r.Year); err != nil || r.year < 1 || r.year > 9999 {
		return fmt.Errorf("format.year %q, wanted a year such as 2018", r.Year)
	}
	if r.Date == dateUnix || r.Date == dateUnixMilli {
		return fmt.Errorf("format.year beside %s, wanted one of them: such a stamp is a moment", r.Date)
	}
	return nil
}

func (r *formatRules) parseShare() (err error) {
	if r.LeaveOut == "" {
		return nil
	}
	if r.leaveOut, err = twins.ParseScaled(r.LeaveOut, million); err != nil || r.leaveOut < 0 || r.leaveOut > million {
		return fmt.Errorf("format.leave_out %s, wanted a share of 0 to 1", r.LeaveOut)
	}
	r.leaves = true
	return nil
}

func (r *formatRules) checkClip() error {
	if v, err := twins.ParseScaled(r.ClipBelow, million); r.ClipBelow != "" && (err != nil || v < 0) {
		return fmt.Errorf("format.clip_below %s, wanted a number of 0 or more", r.ClipBelow)
	}
	return nil
}

const million = 1_000_000

// only returns an error about a key that a kind of file does not take.
func (f Format) only(kind string, takes ...string) error {
	given := map[string]bool{"reading": f.Reading != "" && f.Reading != readingInterval, "negative": f.Negative != "" && f.Negative != negativeRefuse,
		"leave_out": f.LeaveOut != "", "intervals": f.Intervals != "" && f.Intervals != intervalsRegular, "meter": f.Meter != "",
		"newest_first": f.NewestFirst, "span": f.Span != "", "clock": f.Clock != "", "clip_below": f.ClipBelow != "", "units": f.Units != "", "year": f.Year != ""}
	for _, key := range []string{"reading", "negative", "leave_out", "intervals", "meter", "newest_first", "span", "clock", "clip_below", "units", "year"} {
		if given[key] && !slices.Contains(takes, key) {
			return fmt.Errorf("format.%s is not for %s", key, kind)
		}
	}
	return nil
}

// isMissing reports whether a field stands for a missing value.
func (r *formatRules) isMissing(text string) bool {
	text = strings.TrimSpace(text)
	return text == "" || slices.ContainsFunc(r.Missing, func(word string) bool { return strings.EqualFold(strings.TrimSpace(word), text) })
}

// isTotal reports whether the stamp of a row marks a row of totals.
func (r *formatRules) isTotal(stamp string) bool {
	stamp = strings.TrimSpace(stamp)
	return slices.ContainsFunc(r.Totals, func(word string) bool {
		word = strings.TrimSpace(word)
		if begin, star := strings.CutSuffix(word, "*"); star {
			return len(stamp) >= len(begin) && strings.EqualFold(stamp[:len(begin)], begin)
		}
		return strings.EqualFold(word, stamp)
	})
}

// isUndated reports whether a row is left out because its stamp does not begin with a
// digit.
func (r *formatRules) isUndated(stamp string) bool {
	stamp = strings.TrimSpace(stamp)
	return r.Undated == leaveOut && (stamp == "" || stamp[0] < '0' || stamp[0] > '9')
}

// parse returns the number of a field times scale, rounded. Marks of thousands
// stand before groups of three digits.
func (r *formatRules) parse(text string, scale int64) (int64, error) {
	if r.decimal == '.' && r.thousands == "" {
		return twins.ParseScaled(text, scale)
	}
	plain, ok := r.plain(strings.TrimSpace(text))
	if !ok {
		return 0, fmt.Errorf("%q: %w", text, twins.ErrNumber)
	}
	return twins.ParseScaled(plain, scale)
}

// plain returns a number with a decimal point and without marks of thousands.
func (r *formatRules) plain(text string) (plain string, ok bool) {
	if r.thousands == "" && r.decimal == ',' {
		if strings.Contains(text, ".") {
			return "", false
		}
		return strings.Replace(text, ",", ".", 1), true
	}
	whole, fraction, has := strings.Cut(text, string(r.decimal))
	unsigned := whole
	if whole != "" && strings.ContainsRune("+-", rune(whole[0])) {
		unsigned = whole[1:]
	}
	groups := strings.FieldsFunc(unsigned, func(c rune) bool { return strings.ContainsRune(r.thousands, c) })
	digits := strings.Join(groups, "")
	marks := len([]rune(unsigned)) - len([]rune(digits))
	if marks != max(0, len(groups)-1) || strings.IndexAny(digits, "+-") == 0 || strings.ContainsAny(fraction, r.thousands) || strings.ContainsRune(digits, otherDecimal(r.decimal)) {
		return "", false
	}
	for i, g := range groups {
		if len(groups) > 1 && (len(g) > 3 || i > 0 && len(g) != 3 || i == 0 && g[0] == '0') {
			return "", false
		}
	}
	if strings.HasPrefix(whole, "-") {
		digits = "-" + digits
	}
	if has {
		digits += "." + fraction
	}
	return digits, true
}

func otherDecimal(mark byte) rune {
	if mark == ',' {
		return '.'
	}
	return ','
}

// orList joins words for a message: a, b or c.
func orList(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
}
