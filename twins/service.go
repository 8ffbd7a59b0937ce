package twins

// InService is the setting that takes a member out of service (0) and puts it back (1), in every
// kind that has it. A prepared member begins with 0.
const InService = "available"
