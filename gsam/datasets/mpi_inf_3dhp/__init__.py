"""MPI-INF-3DHP: the authors' files and P-STMO's archives, as one take per camera."""
