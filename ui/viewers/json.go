package viewers

import (
	"encoding/binary"
	"encoding/json"
	"strconv"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/smatrix-grid/smatrix/ui/stream"
)

// appendJSON writes a message of the stream for people: names as in the .proto,
// numbers as numbers, every field, and the values of columns as arrays.
func appendJSON(b []byte, m protoreflect.Message) []byte {
	if c, ok := m.Interface().(*stream.Column); ok {
		return appendColumn(b, c)
	}
	b = append(b, '{')
	fields, first := m.Descriptor().Fields(), true
	for i := range fields.Len() {
		f := fields.Get(i)
		if f.ContainingOneof() != nil && !m.Has(f) || f.Message() != nil && !f.IsList() && !m.Has(f) {
			continue
		}
		if !first {
			b = append(b, ',')
		}
		first = false
		b = append(strconv.AppendQuote(b, string(f.Name())), ':')
		if !f.IsList() {
			b = appendJSONValue(b, f, m.Get(f))
			continue
		}
		b = append(b, '[')
		list := m.Get(f).List()
		for k := range list.Len() {
			if k > 0 {
				b = append(b, ',')
			}
			b = appendJSONValue(b, f, list.Get(k))
		}
		b = append(b, ']')
	}
	return append(b, '}')
}

func appendJSONValue(b []byte, f protoreflect.FieldDescriptor, v protoreflect.Value) []byte {
	switch f.Kind() {
	case protoreflect.MessageKind:
		return appendJSON(b, v.Message())
	case protoreflect.EnumKind:
		return strconv.AppendQuote(b, string(f.Enum().Values().ByNumber(v.Enum()).Name()))
	}
	text, err := json.Marshal(v.Interface())
	if err != nil { // an infinite float, which the stream does not have
		return append(b, "null"...)
	}
	return append(b, text...)
}

func appendColumn(b []byte, c *stream.Column) []byte {
	b = strconv.AppendUint(append(b, `{"column":`...), uint64(c.Column), 10)
	b = append(b, `,"values":[`...)
	packed := Column{uint8(c.Width), c.Values}
	n := 0
	if c.Width > 0 {
		n = len(c.Values) / int(c.Width)
	} else {
		n = len(c.Index) / 2
	}
	for i := range n {
		if i > 0 {
			b = append(b, ',')
		}
		if v := packed.At(i); v == None {
			b = append(b, "null"...)
		} else {
			b = strconv.AppendInt(b, v, 10)
		}
	}
	b = append(b, `],"index":[`...)
	for i := 0; i+1 < len(c.Index); i += 2 {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendUint(b, uint64(binary.LittleEndian.Uint16(c.Index[i:])), 10)
	}
	return append(b, "]}"...)
}
