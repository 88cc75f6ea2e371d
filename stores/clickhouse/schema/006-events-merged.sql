-- As of sessions: what an import or a rebuilding left in many parts.
ALTER TABLE events MODIFY SETTING min_age_to_force_merge_seconds = 86400, min_age_to_force_merge_on_partition_only = 1
