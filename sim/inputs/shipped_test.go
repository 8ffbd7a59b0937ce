package inputs

import (
	"io/fs"
	"os"
)

// shippedFiles has the data of the shipped scenarios at its root.
func shippedFiles() fs.FS { return os.DirFS("../scenarios") }
