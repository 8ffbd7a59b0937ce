package persistence

import (
	"encoding/binary"
	"fmt"

	"github.com/smatrix-grid/smatrix/twins"
)

// The first byte of a key is the kind of its value. Numbers follow big-endian, so that keys
// sort by step. doc.go draws all keys.
const (
	keyFormat     = 'f' // format of the journal
	keyStep       = 's' // tick
	keyCommand    = 'c' // number of the command
	keyChunk      = 'k' // first tick
	keyReadings   = 'r' // community, first tick, part
	keySnapshot   = 'n' // steps made
	keyState      = 'z' // steps made, community, part
	keyNote       = 'o' // name
	keyNoteNumber = 'q' // name
	keyEnd        = 'e'
	keyHour       = 'h' // start of the hour, Unix s; community, part
	keyDay        = 'd' // start of the local day, Unix s; community, part
	keyFolded     = 'u' // mark: steps in the windows; name of the kind, unless usage
	keyWindow     = 'w' // span, name of the kind, 0; start of the hour or day, Unix s; community, part
	keyView       = 'v' // steps made; name of the kind, part
)

// gridState is the number of the grid among the communities of a snapshot.
const gridState = 1<<32 - 1

func key(kind byte, t twins.Tick) []byte {
	return binary.BigEndian.AppendUint64([]byte{kind}, uint64(t))
}

func tickOf(key []byte) (twins.Tick, error) {
	if len(key) != 9 {
		return 0, fmt.Errorf("key %x has %d bytes, wanted 9", key, len(key))
	}
	return twins.Tick(binary.BigEndian.Uint64(key[1:])), nil
}

func readingsKey(community int, from twins.Tick, part int) []byte {
	k := binary.BigEndian.AppendUint32([]byte{keyReadings}, uint32(community))
	k = binary.BigEndian.AppendUint64(k, uint64(from))
	return binary.BigEndian.AppendUint16(k, uint16(part))
}

// splitReadingsKey is the inverse of readingsKey.
func splitReadingsKey(key []byte) (community int, from twins.Tick) {
	return int(binary.BigEndian.Uint32(key[1:])), twins.Tick(binary.BigEndian.Uint64(key[5:]))
}

func stateKey(after twins.Tick, community uint32, part int) []byte {
	k := key(keyState, after)
	k = binary.BigEndian.AppendUint32(k, community)
	return binary.BigEndian.AppendUint16(k, uint16(part))
}
