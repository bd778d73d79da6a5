-- The children's classes: orphans (国办发〔2010〕54号) and de facto unattended children (民发〔2019〕62号).
alter table registry.class_status
    drop constraint class_status_class_known,
    add constraint class_status_class_known check (assistance_class in
        ('minimum_living', 'destitute', 'edge', 'rigid_expenditure', 'return_to_poverty', 'other_hardship', 'orphan',
         'unattended_child'));
