package persistence

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"github.com/klauspost/compress/zstd"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/form"
	"github.com/smatrix-grid/smatrix/twins"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// valueVersion is the first byte of every value of the journal.
const valueVersion = 1

// Flags of a value.
const flagZstd = 1

// worthPacking is the least size, in bytes, of a value that is compressed.
const worthPacking = 128

// A packer or an unpacker is used by one goroutine at a time, and starts none.
func newPacker(more ...zstd.EOption) *zstd.Encoder {
	w, err := zstd.NewWriter(nil, append([]zstd.EOption{zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderCRC(false), zstd.WithWindowSize(1 << 20)}, more...)...)
	if err != nil {
		panic(err) // the options are constants
	}
	return w
}

// mostUnpacked bounds the decompressed bytes of a value, so that damage cannot exhaust memory.
const mostUnpacked = 1 << 30

func newUnpacker(more ...zstd.DOption) *zstd.Decoder {
	r, err := zstd.NewReader(nil, append(more, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(mostUnpacked))...)
	if err != nil {
		panic(err) // the options are constants
	}
	return r
}

// seal returns the stored form of a value: version, flags, CRC-32C over the key and all
// other bytes, then the body, compressed if that makes it smaller. Without a packer the
// body may be given in pieces.
func seal(p *zstd.Encoder, key []byte, body ...[]byte) []byte {
	size := 6
	for _, b := range body {
		size += len(b)
	}
	out := make([]byte, 6, size)
	out[0] = valueVersion
	if size-6 >= worthPacking && p != nil {
		if packed := p.EncodeAll(body[0], out); len(packed) < size {
			out = packed
			out[1] = flagZstd
		}
	}
	if out[1] == 0 {
		out = out[:6]
		for _, b := range body {
			out = append(out, b...)
		}
	}
	binary.LittleEndian.PutUint32(out[2:], checksum(key, out))
	return out
}

func checksum(key, value []byte) uint32 {
	sum := crc32.Update(0, castagnoli, key)
	sum = crc32.Update(sum, castagnoli, value[:2])
	return crc32.Update(sum, castagnoli, value[6:])
}

// errDamaged reports a value that is not as it was written.
var errDamaged = errors.New("its checksum is wrong")

// unseal checks a value and returns its body.
func unseal(u *zstd.Decoder, key, value []byte) ([]byte, error) {
	switch {
	case len(value) < 6 || binary.LittleEndian.Uint32(value[2:]) != checksum(key, value):
		return nil, errDamaged
	case value[0] != valueVersion:
		return nil, fmt.Errorf("it is of version %d, wanted %d", value[0], valueVersion)
	case value[1] == 0:
		return value[6:], nil
	case value[1] != flagZstd:
		return nil, fmt.Errorf("it is packed in a way %d that is unknown", value[1])
	}
	return u.DecodeAll(value[6:], nil)
}

// encoder appends the elements of a value's body: those of sim/form, and the journal's own.
type encoder struct{ form.Writer }

func (w *encoder) hash(h sim.Hash) { w.Bytes(h[:]) }

// decoder reads the elements that encoder appends.
type decoder struct{ *form.Reader }

func newDecoder(b []byte) *decoder { return &decoder{form.NewReader(b)} }

func (r *decoder) hash() (h sim.Hash) {
	copy(h[:], r.Bytes(len(h)))
	return h
}

// mostTogether is the greatest number of commands in one record or value: less than
// mostPerRecord bytes, however long their texts are.
const mostTogether = 1024

// Commands that arrive together are much alike: each is stored as flags for the fields that
// equal those of the one before, then the other fields; of its target only the suffix that
// differs.
const (
	sameStep = 1 << iota // and the next seq
	sameName             // the same type
	sameSetting
	sameValue  // or, with hasBody, the same body
	hasBody    // the body is no setting and value: the type is neither set nor multiply
	hasKey     // an Idempotency-Key
	hasAccount // the account that sent it
	knownFlags = 1<<iota - 1
)

func (w *encoder) commands(all []twins.Command) {
	w.Uint(uint64(len(all)))
	last := &twins.Command{}
	for i := range all {
		c := &all[i]
		same := flagsAfter(last, c)
		w.Uint(same)
		w.textAfter(last.Target, c.Target)
		if same&sameStep == 0 {
			w.Ints(int64(c.Step), c.Seq)
		}
		if same&sameName == 0 {
			w.Text(c.Type.String())
		}
		switch {
		case same&hasBody != 0 && same&sameValue == 0:
			w.Text(c.Body)
		case same&hasBody == 0 && same&sameSetting == 0:
			w.Text(c.Setting())
		}
		if same&(hasBody|sameValue) == 0 {
			w.Int(c.Value())
		}
		if same&hasKey != 0 {
			w.Text(c.Key)
		}
		if same&hasAccount != 0 {
			w.Int(int64(c.By))
		}
		last = c
	}
}

// flagsAfter returns the flags of a command: the fields that equal the last one's, and the
// optional fields it has.
func flagsAfter(last, c *twins.Command) (flags uint64) {
	typed := !c.Type.OfSetting()
	same := c.Value() == last.Value()
	if typed {
		same = c.Body == last.Body && !last.Type.OfSetting()
	}
	for bit, is := range [...]bool{c.Step == last.Step && c.Seq == last.Seq+1, c.Type == last.Type, !typed && c.Setting() == last.Setting(), same,
		typed, c.Key != "", c.By != 0} {
		if is {
			flags |= 1 << bit
		}
	}
	return flags
}

func (r *decoder) commands() (all []twins.Command) {
	last := twins.Command{}
	for range r.Count(3) {
		c, same := last, r.Uint()
		c.Key, c.By = "", 0
		if same > knownFlags {
			r.Fail(fmt.Errorf("it has a command with flags %#x that are unknown to this version", same))
		}
		c.Target, c.Seq = r.textAfter(last.Target), last.Seq+1
		if same&sameStep == 0 {
			c.Step, c.Seq = twins.Tick(r.Int()), r.Int()
		}
		if same&sameName == 0 {
			c.Type = r.commandType()
		}
		r.commandBody(&c, &last, same)
		if same&hasKey != 0 {
			c.Key = r.Text()
		}
		if same&hasAccount != 0 {
			c.By = twins.Account(r.Int())
		}
		if r.Err() != nil {
			return nil
		}
		all, last = append(all, c), c
	}
	return all
}

// commandType reads the name of a command's type.
func (r *decoder) commandType() *twins.CommandType {
	name := r.Text()
	t := twins.CommandNamed(name)
	if t == nil {
		r.Fail(fmt.Errorf("a command %q is unknown to this version", name))
	}
	return t
}

// commandBody reads the fields of a body that differ from the last command's.
func (r *decoder) commandBody(c, last *twins.Command, same uint64) {
	typed := same&hasBody != 0
	switch {
	case typed == c.Type.OfSetting():
		r.Fail(fmt.Errorf("a command %q has the body of another type", c.Type))
		return
	case typed && same&sameValue == 0:
		c.Body = r.Text()
		return
	case typed:
		return
	}
	if same&(sameSetting|sameValue) == sameSetting|sameValue && last.Type.OfSetting() {
		return // the body is the last one's, whose memory it shares
	}
	setting, value := last.Setting(), last.Value()
	if same&sameSetting == 0 {
		setting = r.Text()
	}
	if same&sameValue == 0 {
		value = r.Int()
	}
	c.Body = twins.Set("", setting, value).Body
}

func (w *encoder) textAfter(last, s string) {
	n := 0
	for n < min(len(last), len(s)) && last[n] == s[n] {
		n++
	}
	w.Uint(uint64(n))
	w.Text(s[n:])
}

func (r *decoder) textAfter(last string) string {
	n := r.Uint()
	if n > uint64(len(last)) {
		r.Fail(errors.New("it has more in common with the text before than that has"))
		return ""
	}
	return last[:n] + r.Text()
}

// putFlows writes the first len(to) columns of flows.
func putFlows(to []int64, f *twins.Flows) {
	for i := range to {
		to[i] = twins.FlowColumns[i].Value(f)
	}
}

// flowsOf is the inverse of putFlows.
func flowsOf(v []int64) (f twins.Flows) {
	for i := range v {
		twins.FlowColumns[i].Set(&f, v[i])
	}
	return f
}

// Series: the values of one figure over the steps of a chunk.
//
//	0                              all of them are 0
//	1 v                            all of them are v
//	2 unit v₀ v₁−v₀ v₂−v₁ …        in multiples of unit > 0
//	3 v₀ v₁ …                      without differences: one would overflow
const (
	seriesZero  = 0
	seriesSame  = 1
	seriesDelta = 2
	seriesPlain = 3
)

func (w *encoder) series(vs []int64) {
	differ, wide := int64(0), int64(0)
	for _, v := range vs {
		differ |= v ^ vs[0]
		wide |= v ^ v>>63
	}
	switch {
	case differ == 0 && vs[0] == 0:
		w.Uint(seriesZero)
	case differ == 0:
		w.Uint(seriesSame)
		w.Int(vs[0])
	case wide < 1<<62 || differencesFit(vs):
		unit := form.Unit(vs)
		w.Uint(seriesDelta)
		w.Uint(unit)
		b, last := []byte(w.Writer), int64(0)
		for _, v := range vs {
			if unit != 1 { // a division takes longer than the rest of the loop
				v /= int64(unit)
			}
			b = form.AppendInt(b, v-last)
			last = v
		}
		w.Writer = b
	default:
		w.Uint(seriesPlain)
		w.Ints(vs...)
	}
}

// series reads a series, and reports whether it is all zeros.
func (r *decoder) series(vs []int64) (zero bool) {
	switch mode := r.Uint(); mode {
	case seriesZero:
		clear(vs)
		return true
	case seriesSame:
		v := r.Int()
		for i := range vs {
			vs[i] = v
		}
	case seriesDelta:
		unit, last := int64(r.Uint()), int64(0)
		for i := range vs {
			last += r.Int()
			vs[i] = last * unit
		}
	case seriesPlain:
		for i := range vs {
			vs[i] = r.Int()
		}
	default:
		r.Fail(fmt.Errorf("it has a series of form %d that is unknown", mode))
	}
	return false
}

// differencesFit reports whether the differences of neighbours fit in an int64.
func differencesFit(vs []int64) bool {
	for i := 1; i < len(vs); i++ {
		a, b := vs[i], vs[i-1]
		if d := a - b; (a >= b) != (d >= 0) {
			return false
		}
	}
	return true
}
