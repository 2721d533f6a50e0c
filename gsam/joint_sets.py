"""Every joint set and every conversion between two of them, as data that `gsam.skeletons` reads.

Sources: Human3.6M's 32 and 17 joints, COCO, MPII, MPI-INF-3DHP (28 raw, 17 "relevant"), SMPL, the
24 joints of SPIN's and PARE's labels, OpenPose's 18 and 25 (BODY_25) and Halpe's 26.
Equal names mean the same anatomical point; where two sets call one point differently, ``RULES``
names the joints it is made of.
"""

from collections.abc import Mapping

JOINT_SETS: dict[str, str] = {
    "human36m_32": """
    pelvis right_hip<pelvis right_knee<right_hip right_ankle<right_knee
        right_foot<right_ankle right_toe<right_foot
    left_hip<pelvis left_knee<left_hip left_ankle<left_knee left_foot<left_ankle
        left_toe<left_foot
    spine_base<pelvis spine<spine_base thorax<spine nose<thorax head_top<nose
    left_collar<spine left_shoulder<left_collar left_elbow<left_shoulder
        left_wrist<left_elbow
    left_hand_1<left_wrist left_hand_2<left_hand_1 left_hand_3<left_wrist
        left_hand_4<left_hand_3
    right_collar<spine right_shoulder<right_collar right_elbow<right_shoulder
        right_wrist<right_elbow
    right_hand_1<right_wrist right_hand_2<right_hand_1 right_hand_3<right_wrist
        right_hand_4<right_hand_3
    """,
    "human36m_17": """
    pelvis right_hip<pelvis right_knee<right_hip right_ankle<right_knee
    left_hip<pelvis left_knee<left_hip left_ankle<left_knee
    spine<pelvis thorax<spine nose<thorax head_top<nose
    left_shoulder<thorax left_elbow<left_shoulder left_wrist<left_elbow
    right_shoulder<thorax right_elbow<right_shoulder right_wrist<right_elbow
    """,
    "coco_17": """
    nose left_eye<nose right_eye<nose left_ear<left_eye right_ear<right_eye
        left_shoulder<nose right_shoulder<nose
    left_elbow<left_shoulder right_elbow<right_shoulder left_wrist<left_elbow
        right_wrist<right_elbow
    left_hip<left_shoulder right_hip<right_shoulder left_knee<left_hip right_knee<right_hip
    left_ankle<left_knee right_ankle<right_knee
    """,
    "mpii_16": """
    right_ankle<right_knee right_knee<right_hip right_hip<pelvis left_hip<pelvis
        left_knee<left_hip left_ankle<left_knee
    pelvis thorax<pelvis upper_neck<thorax head_top<upper_neck
    right_wrist<right_elbow right_elbow<right_shoulder right_shoulder<thorax
    left_shoulder<thorax left_elbow<left_shoulder left_wrist<left_elbow
    """,
    "mpi_inf_3dhp_28": """
    spine3<spine2 spine4<spine3 spine2<spine spine<pelvis pelvis neck<spine4 head<neck
        head_top<head
    left_clavicle<spine4 left_shoulder<left_clavicle left_elbow<left_shoulder
        left_wrist<left_elbow left_hand<left_wrist
    right_clavicle<spine4 right_shoulder<right_clavicle right_elbow<right_shoulder
        right_wrist<right_elbow
    right_hand<right_wrist
    left_hip<pelvis left_knee<left_hip left_ankle<left_knee left_foot<left_ankle
        left_toe<left_foot
    right_hip<pelvis right_knee<right_hip right_ankle<right_knee right_foot<right_ankle
        right_toe<right_foot
    """,
    "mpi_inf_3dhp_17": """
    head_top<neck neck<spine right_shoulder<neck right_elbow<right_shoulder
        right_wrist<right_elbow
    left_shoulder<neck left_elbow<left_shoulder left_wrist<left_elbow
    right_hip<pelvis right_knee<right_hip right_ankle<right_knee
    left_hip<pelvis left_knee<left_hip left_ankle<left_knee
    pelvis spine<pelvis head<neck
    """,
    "smpl_24": """
    pelvis left_hip<pelvis right_hip<pelvis spine1<pelvis left_knee<left_hip
        right_knee<right_hip spine2<spine1
    left_ankle<left_knee right_ankle<right_knee spine3<spine2 left_foot<left_ankle
        right_foot<right_ankle
    neck<spine3 left_collar<spine3 right_collar<spine3 head<neck left_shoulder<left_collar
        right_shoulder<right_collar
    left_elbow<left_shoulder right_elbow<right_shoulder left_wrist<left_elbow
        right_wrist<right_elbow
    left_hand<left_wrist right_hand<right_wrist
    """,
    "spin_24": """
    right_ankle<right_knee right_knee<right_hip right_hip<pelvis left_hip<pelvis
        left_knee<left_hip left_ankle<left_knee
    right_wrist<right_elbow right_elbow<right_shoulder right_shoulder<thorax
    left_shoulder<thorax left_elbow<left_shoulder left_wrist<left_elbow
    neck<thorax head_top<head pelvis thorax<spine spine<pelvis jaw<neck head<jaw
    nose<head left_eye<nose right_eye<nose left_ear<left_eye right_ear<right_eye
    """,
    "openpose_18": """
    nose<neck neck
    right_shoulder<neck right_elbow<right_shoulder right_wrist<right_elbow
    left_shoulder<neck left_elbow<left_shoulder left_wrist<left_elbow
    right_hip<neck right_knee<right_hip right_ankle<right_knee
    left_hip<neck left_knee<left_hip left_ankle<left_knee
    right_eye<nose left_eye<nose right_ear<right_eye left_ear<left_eye
    """,
    "body_25": """
    nose<neck neck<pelvis
    right_shoulder<neck right_elbow<right_shoulder right_wrist<right_elbow
    left_shoulder<neck left_elbow<left_shoulder left_wrist<left_elbow
    pelvis right_hip<pelvis right_knee<right_hip right_ankle<right_knee
    left_hip<pelvis left_knee<left_hip left_ankle<left_knee
    right_eye<nose left_eye<nose right_ear<right_eye left_ear<left_eye
    left_big_toe<left_ankle left_small_toe<left_big_toe left_heel<left_ankle
    right_big_toe<right_ankle right_small_toe<right_big_toe right_heel<right_ankle
    """,
    "halpe_26": """
    nose<neck left_eye<nose right_eye<nose left_ear<left_eye right_ear<right_eye
    left_shoulder<neck right_shoulder<neck left_elbow<left_shoulder
        right_elbow<right_shoulder left_wrist<left_elbow right_wrist<right_elbow
    left_hip<pelvis right_hip<pelvis left_knee<left_hip right_knee<right_hip
        left_ankle<left_knee right_ankle<right_knee
    head_top<neck neck<pelvis pelvis
    left_big_toe<left_ankle right_big_toe<right_ankle left_small_toe<left_big_toe
        right_small_toe<right_big_toe left_heel<left_ankle right_heel<right_ankle
    """,
}
"""By name: 'joint<parent joint<parent ...' in file order; the root stands alone."""

_3DHP_TO_HUMAN36M = {"thorax": ("neck",), "nose": ("head",)}
# (source, target) -> {target joint: the source joints it is the mean of}; a joint that is not
# listed is the source joint of the same name.
RULES: dict[tuple[str, str], Mapping[str, tuple[str, ...]]] = {
    ("human36m_32", "human36m_17"): {},
    ("mpi_inf_3dhp_28", "mpi_inf_3dhp_17"): {},
    ("mpi_inf_3dhp_28", "human36m_17"): _3DHP_TO_HUMAN36M,
    ("mpi_inf_3dhp_17", "human36m_17"): _3DHP_TO_HUMAN36M,
    ("human36m_17", "mpi_inf_3dhp_17"): {"neck": ("thorax",), "head": ("nose",)},
    ("mpii_16", "human36m_17"): {
        "nose": ("upper_neck",),
        "spine": ("right_hip", "left_hip", "right_shoulder", "left_shoulder"),
    },
    # The plain rule (mmpose, MotionBERT); spine is the mean of the derived pelvis and thorax.
    ("coco_17", "human36m_17"): {
        "pelvis": ("left_hip", "right_hip"),
        "thorax": ("left_shoulder", "right_shoulder"),
        "spine": ("left_hip", "right_hip", "left_shoulder", "right_shoulder"),
        "head_top": ("left_eye", "right_eye"),
    },
    # OpenPose's neck is the middle of the shoulders; its sets have no crown, as COCO has none.
    ("openpose_18", "human36m_17"): {
        "pelvis": ("left_hip", "right_hip"),
        "thorax": ("neck",),
        "spine": ("left_hip", "right_hip", "left_shoulder", "right_shoulder"),
        "head_top": ("left_eye", "right_eye"),
    },
    ("body_25", "human36m_17"): {
        "thorax": ("neck",),
        "spine": ("pelvis", "neck"),
        "head_top": ("left_eye", "right_eye"),
    },
    # Halpe's head is the crown, its hip the middle of the hips (the rule of MotionBERT's demo).
    ("halpe_26", "human36m_17"): {"thorax": ("neck",), "spine": ("pelvis", "neck")},
}
